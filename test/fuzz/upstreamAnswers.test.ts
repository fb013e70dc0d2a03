import { onTestFinished, expect, test } from 'vitest';
import { configureLogging } from '../../src/base/log.ts';
import { writeBatch } from '../../src/store/batch.ts';
import { Database } from '../../src/store/clickhouse.ts';
import { migrate } from '../../src/store/migrate.ts';
import { Random } from '../../src/simulator/random.ts';
import { testConfig, testEnvironment } from '../support/world.ts';
import { honestUpstreams } from './honest.ts';
import { FuzzedPipeline } from './fuzzedPipeline.ts';
import { Landings } from './landings.ts';

configureLogging('silent');

/** The same seed makes the same cases; a case depends on nothing but the seed and its number. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
const CASES = Number(process.env['FUZZ_CASES'] ?? 20_000);
/** The first case: to see one of them alone. */
const FIRST = Number(process.env['FUZZ_FIRST'] ?? 0);

/** Until a case is over, in milliseconds; one that took longer is tried again: others use the machine, too. */
const MOST_MS = 1_000;
/** Accepted pages whose rows are really inserted. */
const INSERTED_PAGES = 2_000;

test(
  `${CASES} changed answers: each is refused with a known error, or every record of it lands or is in quarantine`,
  async () => {
    const database = new Database(testConfig(testEnvironment()).clickhouse);
    onTestFinished(() => database.close());
    await migrate(database);
    const upstreams = honestUpstreams();
    const pipeline = new FuzzedPipeline();
    const landings = new Landings();
    const outcomes = new Map<string, number>();

    for (let nth = FIRST; nth < FIRST + CASES; nth++) {
      let took = Infinity;
      for (let tries = 0; tries < 3 && took > MOST_MS; tries++) {
        const random = new Random(SEED, nth);
        const started = performance.now();
        const { outcome, writes } = await pipeline
          .run(`case-${nth}-${tries}`, random, random.pick(upstreams))
          .catch((error: unknown) => {
            throw new Error(`${caseName(nth)}: ${pipeline.lastChanges.join(', ')}`, { cause: error });
          });
        took = performance.now() - started;
        if (tries > 0) continue;
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        if (landings.pages < INSERTED_PAGES) landings.add(writes);
      }
      expect(took, `${caseName(nth)}: ${pipeline.lastChanges.join(', ')}`).toBeLessThan(MOST_MS);
    }
    console.log(
      [...outcomes]
        .sort()
        .map(([outcome, count]) => `${outcome}: ${count}`)
        .join('\n'),
    );

    expect(await writeBatch(database, landings.batch())).toBe(0);
    const counts = await database.rows<{ name: string; n: string }>(`
    SELECT 'events' AS name, count() AS n FROM order_events
    UNION ALL SELECT 'markets', count() FROM markets
    UNION ALL SELECT 'quarantine', count() FROM quarantine`);
    expect(Object.fromEntries(counts.map(({ name, n }) => [name, Number(n)]))).toEqual(landings.expected());
  },
  Math.max(300_000, CASES * 60),
);

const caseName = (nth: number) => `FUZZ_SEED=${SEED} FUZZ_FIRST=${nth} FUZZ_CASES=1`;
