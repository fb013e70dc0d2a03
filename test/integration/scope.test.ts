import { expect, onTestFinished, test } from 'vitest';
import { KNOWN_EXCHANGES } from '../../src/base/exchanges.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { recordStart } from '../../src/store/coverage.ts';
import { migrate } from '../../src/store/migrate.ts';
import { checkScope, noteScope, recordScope, scopesOf } from '../../src/store/scope.ts';
import { logLines } from '../support/logLines.ts';
import { startWorkerProcess } from '../support/pipeline.ts';
import { runProgram } from '../support/processes.ts';
import { testConfig, testEnvironment, type Environment } from '../support/world.ts';

const ALL = KNOWN_EXCHANGES.map(({ address }) => address);
const LATER = KNOWN_EXCHANGES.filter(({ version }) => version > 1).map(({ address }) => address);
const NEW = `0x${'ab'.repeat(20)}`;
const BLOCK = 91_000_000;
/** Their job is not done here: nothing is fetched. */
const IDLE = ['--queues=writes'];

async function setUp(): Promise<{ readonly environment: Environment; readonly database: Database }> {
  const environment = testEnvironment();
  const database = new Database(testConfig(environment).clickhouse);
  onTestFinished(() => database.close());
  await migrate(database);
  return { environment, database };
}

/** A worker that must not work. @returns what it says */
async function refusal(environment: Environment, sources: string): Promise<string> {
  const worker = runProgram('workers/main.ts', IDLE, { env: { ...environment, ORDER_SOURCES: sources } });
  expect(await worker.exited).toEqual({ code: 1, signal: null });
  expect(worker.output.stderr.trim().split('\n')).toHaveLength(1);
  return worker.output.stderr;
}

test('where goldsky has read V1, a worker does not let polygon read it as well; both together it does', async () => {
  const { environment, database } = await setUp();
  await recordStart(database, 'goldsky', { position: 1_720_000_000, id: '' });
  expect(await refusal(environment, 'polygon')).toMatch(
    /goldsky has read the V1 exchanges into test_\w+: .* Leave goldsky in ORDER_SOURCES, or set CLICKHOUSE_DATABASE/,
  );
  await checkScope(database, testConfig({ ...environment, ORDER_SOURCES: 'goldsky,polygon' }));
});

test('where polygon has read V1, a worker does not let goldsky read it as well', async () => {
  const { environment, database } = await setUp();
  await recordScope(database, 'polygon', BLOCK, ALL);
  await recordStart(database, 'polygon', { position: BLOCK, id: '' });
  const line =
    /polygon has read the V1 exchanges into test_\w+: .* Set ORDER_SOURCES=polygon, or CLICKHOUSE_DATABASE/;
  expect(await refusal(environment, 'goldsky')).toMatch(line);
  const both = testConfig({ ...environment, ORDER_SOURCES: 'goldsky,polygon' });
  await expect(checkScope(database, both)).rejects.toThrow(line);
  await checkScope(database, testConfig({ ...environment, ORDER_SOURCES: 'polygon' }));
});

test('a new exchange is read from where polygon stands on: noted, and said once', async () => {
  const { environment, database } = await setUp();
  await recordScope(database, 'polygon', BLOCK, LATER);
  await recordStart(database, 'polygon', { position: BLOCK + 500, id: '' });
  const settings = {
    ...environment,
    ORDER_SOURCES: 'goldsky,polygon',
    EXCHANGE_ADDRESSES: [...ALL, NEW].join(','),
  };
  const worker = await startWorkerProcess(settings, IDLE);
  const said = logLines(worker.output.stdout).map(({ msg }) => msg);
  expect(said.filter((line) => line.includes('EXCHANGE_ADDRESSES'))).toEqual([
    `EXCHANGE_ADDRESSES has new exchanges: polygon reads ${NEW} from block ${BLOCK + 500} on. Their earlier fills are not in this database.`,
  ]);
  const noted = [
    { from: BLOCK, exchanges: LATER },
    { from: BLOCK + 500, exchanges: [...LATER, NEW] },
  ];
  expect(await scopesOf(database, 'polygon')).toEqual(noted);
  expect(await noteScope(database, testConfig(settings).polygon)).toBeUndefined();
  expect(await scopesOf(database, 'polygon')).toEqual(noted);
});
