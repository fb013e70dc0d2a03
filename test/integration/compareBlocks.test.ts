import type { Job } from 'bullmq';
import { expect, onTestFinished, test } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import type { BlockStamp, OrdersPayload } from '../../queues/payloads.ts';
import { closeContext, createContext } from '../../workers/context.ts';
import { orders } from '../../workers/orders.ts';
import { BatchingWriter, type Write } from '../../workers/writes.ts';
import { exampleLogV2, PLACE, type ExampleLog } from '../support/exampleLogs.ts';
import { testConfig, testEnvironment } from '../support/world.ts';

const BLOCK = 91_000_010;
const SECOND = 1_785_000_000;

/** The 32 bytes that a name stands for. */
const hash = (name: string) => `0x${Buffer.from(name).toString('hex').padEnd(64, '0')}`;

/** A block of a branch, and fills in it. */
const block = (number: number, branch: string): BlockStamp => ({
  number,
  hash: hash(`${branch}${number}`),
  timestamp: SECOND + (number - BLOCK) * 2,
});
const fill = (name: string, { number, hash: blockHash, timestamp }: BlockStamp, logIndex: number) =>
  exampleLogV2({
    block: number,
    blockHash,
    second: timestamp,
    transactionHash: hash(`tx ${name}`),
    orderHash: hash(`order ${name}`),
    logIndex,
  });

/** The processor of order pages over a database of its own; each page lands before the next. */
async function setUp() {
  const config = testConfig(testEnvironment({ ORDER_SOURCES: 'polygon' }));
  const context = createContext(config);
  onTestFinished(() => closeContext(context));
  const { database } = context;
  await migrate(database);
  let handed: Write | undefined;
  const holding: Pick<BatchingWriter, 'write'> = {
    write: (payload) => {
      handed = payload;
      return Promise.resolve();
    },
  };
  const process = orders({ ...context, writer: holding as BatchingWriter });
  const writer = new BatchingWriter(database, { batchRows: 1, maxWaitMs: 0 });
  let pages = 0;
  let clock = Date.now();
  /** What is to be written of a page of blocks; `compares` as the tail does after a reorg. */
  const prepare = async (
    blocks: readonly BlockStamp[],
    records: readonly ExampleLog[],
    more: Partial<OrdersPayload> & { readonly compares?: boolean; readonly tries?: number } = {},
  ) => {
    const { compares = true, tries = 1, ...rest } = more;
    const id = `page-${pages++}`;
    const payload = {
      source: 'polygon',
      fetchedAt: clock++,
      range: null,
      records: [...records],
      ...(compares ? { blocks: [...blocks] } : {}),
      ...rest,
    };
    const summary = await process(payload, {
      job: { id, opts: {}, attemptsStarted: tries } as Job,
      signal: undefined,
    });
    if (handed === undefined) throw new Error('nothing is written');
    const write = handed;
    handed = undefined;
    return { summary, write };
  };
  const land = async (...page: Parameters<typeof prepare>) => {
    const { summary, write } = await prepare(...page);
    await writer.write(write);
    return summary;
  };
  const stored = async () => {
    const rows = await database.rows<{ row: string }>(
      `SELECT concat_ws(' ', id, order_hash, block_hash) AS row FROM order_events ORDER BY row`,
    );
    return rows.map(({ row }) => row);
  };
  return { database, writer, prepare, land, stored };
}

const rowsOf = (logs: readonly ExampleLog[]) =>
  logs
    .map((log) =>
      [`${log.transactionHash}-${Number(log.logIndex)}`, log.topics[1] ?? '', log.blockHash].join(' '),
    )
    .toSorted();

test('a page that is done again marks the tokens of rows that its first try stored without their marks', async () => {
  const { prepare, writer } = await setUp();
  const a = block(BLOCK, 'a');
  const logs = [fill('one', a, 3), fill('two', a, 5)];
  const first = await prepare([a], logs);
  expect(first.write.rows.unlabelled_token_versions?.count).toBeGreaterThan(0);
  const { order_event_versions: rows } = first.write.rows;
  await writer.write({
    rows: { ...(rows === undefined ? {} : { order_event_versions: rows }) },
    coverage: [],
  });
  const again = await prepare([a], logs, { tries: 2 });
  expect(again.write.rows.order_event_versions?.count).toBe(0);
  expect(again.write.rows.unlabelled_token_versions).toEqual(first.write.rows.unlabelled_token_versions);
});

test('after a reorg one write takes the orphaned rows out and writes those in their place', async () => {
  const { writer, prepare, land, stored } = await setUp();
  const [before, a, b] = [block(BLOCK - 1, 'a'), block(BLOCK, 'a'), block(BLOCK, 'b')];
  const kept = fill('kept', before, 1);
  // One stays, one vanishes, one moves to a later block, and one comes.
  const orphaned = [fill('stays', a, 3), fill('vanishes', a, 5), fill('moves', a, 7)];
  await land([before, a], [kept, ...orphaned], { compares: false });
  expect(await stored()).toEqual(rowsOf([kept, ...orphaned]));

  const next = block(BLOCK + 1, 'b');
  const canonical = [kept, fill('stays', b, 3), fill('comes', b, 6), fill('moves', next, 2)];
  const { summary, write } = await prepare([before, b, next], canonical);
  expect(summary).toMatchObject({ corrected: 3, gone: 2 });
  const rows = write.rows.order_event_versions;
  expect(rows?.count).toBe(5);
  expect(await stored()).toEqual(rowsOf([kept, ...orphaned]));
  await writer.write(write);
  expect(await stored()).toEqual(rowsOf(canonical));
  // What is stored just so is not written again.
  expect(await land([before, b, next], canonical)).toMatchObject({ corrected: 0, gone: 0 });
});

test('an answer that lacks events of a block that is still the chain’s takes nothing out, of no reason to read', async () => {
  const { land, stored } = await setUp();
  const [a, next] = [block(BLOCK, 'a'), block(BLOCK + 1, 'a')];
  const fills = [fill('first', a, 3), fill('second', a, 5), fill('third', next, 1)];
  await land([a, next], fills, { compares: false });
  const slice = { from: { position: BLOCK, id: '' }, to: { position: BLOCK + 2, id: '' } };
  const mark = { from: BLOCK, to: BLOCK + 2, checks: 0, version: null };
  const answers: Partial<OrdersPayload>[] = [
    {},
    { reread: { reason: 'settle', request: 'x', slice, mark } },
    { reread: { reason: 'recount', request: 'y', slice } },
  ];
  for (const answer of answers) {
    expect(await land([a, next], fills.slice(0, 1), answer)).toMatchObject({ corrected: 0, gone: 0 });
    expect(await stored()).toEqual(rowsOf(fills));
  }
  // A block of which nothing is said may not take its rows along either.
  await land([a], fills.slice(0, 2), { reread: { reason: 'settle', request: 'z', slice } });
  expect(await stored()).toEqual(rowsOf(fills));
});

test('a recount says what of the chain is gone, and leaves it to a person', async () => {
  const { database, land, stored } = await setUp();
  const [a, b] = [block(BLOCK, 'a'), block(BLOCK, 'b')];
  const fills = [fill('first', a, 3), fill('second', a, 5)];
  await land([a], fills, { compares: false });
  const slice = { from: { position: BLOCK, id: '' }, to: { position: BLOCK + 1, id: '' } };
  await land([b], [], { reread: { reason: 'recount', request: 'y', slice } });
  expect(await stored()).toEqual(rowsOf(fills));
  expect(await database.rows('SELECT missing, unexpected FROM recounts')).toEqual([
    { missing: '0', unexpected: '2' },
  ]);
});

test('another order at the same place of a transaction after a reorg: the one goes, the other comes', async () => {
  const { land, stored } = await setUp();
  const [a, b] = [block(BLOCK, 'a'), block(BLOCK, 'b')];
  const first = fill('one', a, 3);
  const transaction = { ...PLACE, block: BLOCK, second: b.timestamp, transactionHash: hash('tx one') };
  const second = exampleLogV2({ ...transaction, blockHash: b.hash, orderHash: hash('other'), logIndex: 3 });
  await land([a], [first], { compares: false });
  await land([b], [second]);
  expect(await stored()).toEqual(rowsOf([second]));
  // And back.
  await land([a], [first]);
  expect(await stored()).toEqual(rowsOf([first]));
});

test('a row that a reorg took out is there again when the branch comes back, also out of a late page', async () => {
  const { land, prepare, writer, stored } = await setUp();
  const [a, b] = [block(BLOCK, 'a'), block(BLOCK, 'b')];
  const ofA = [fill('one', a, 3), fill('two', a, 5)];
  const ofB = [fill('one', b, 4)];
  await land([a], ofA, { compares: false });
  for (let turn = 0; turn < 2; turn++) {
    await land([b], ofB);
    expect(await stored()).toEqual(rowsOf(ofB));
    await land([a], ofA);
    expect(await stored()).toEqual(rowsOf(ofA));
  }
  // A page of the branch that is gone was held back: it comes after all, and the next comparison takes it out.
  const late = await prepare([b], ofB, { compares: false });
  await land([a], ofA);
  await writer.write(late.write);
  await land([a], ofA);
  expect(await stored()).toEqual(rowsOf(ofA));
});
