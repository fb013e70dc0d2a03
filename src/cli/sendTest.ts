import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { runCommand } from '../base/command.ts';
import type { Config } from '../base/config.ts';
import { AppError } from '../base/errors.ts';
import { CLICKHOUSE_SETTINGS, REDIS_SETTINGS } from '../base/settings.ts';
import type { Database } from '../store/clickhouse.ts';
import { unmarkToken } from '../store/labels.ts';
import { deleteOrderEvents } from '../store/orderEvents.ts';
import type { Queues } from '../../queues/producer.ts';
import { TokenLookups } from '../../queues/tokenLookups.ts';
import { openDatabase, openQueues, unlessStopped } from './connections.ts';

/** The source of sent tests: it has no coverage, and its rows are taken out again. */
const SOURCE = 'send-test';
/** Used while no market is stored: its look-up and its mark are taken off again as well. */
const UNLISTED_TOKEN = '1';
const TIMEOUT_MS = 60_000;
const ASK_EVERY_MS = 50;

await runCommand({
  name: 'send-test',
  summary:
    'Sends one marked order event through the whole pipeline, waits for its trade, removes it, prints the latency. Workers must be running.',
  environment: [...REDIS_SETTINGS, ...CLICKHOUSE_SETTINGS],
  run: async (context) => {
    const { config, signal } = context;
    const database = openDatabase(context);
    const parts = { ...(await openQueues(context, 'send-test')), database, config, signal };
    const done = await unlessStopped(context, () => sendTest(parts));
    if (done === undefined) return;
    console.log(
      `The test event ${done.event.id.slice(0, 18)}… was a trade in ClickHouse ${done.latencyMs} ms after it was sent, and is removed again.`,
    );
  },
});

interface SendTestParts {
  readonly config: Config;
  readonly database: Database;
  readonly redis: Redis;
  readonly queues: Queues;
  readonly signal: AbortSignal;
}

async function sendTest({ config, database, redis, queues, signal }: SendTestParts) {
  const known = await anyKnownToken(database);
  const token = known ?? UNLISTED_TOKEN;
  const event = testEvent(token);
  const sentAt = Date.now();
  await queues.add(
    'orders',
    'send-test',
    { source: SOURCE, fetchedAt: sentAt, range: null, records: [event] },
    { jobId: `send-test-${event.id.slice(2, 18)}` },
  );
  const latencyMs = await waitForTrade(database, event, sentAt, signal);
  if (known === undefined) {
    while (!(await unmarkToken(database, token))) await sleep(ASK_EVERY_MS, undefined, { signal });
    await new TokenLookups(redis, config.redis.prefix).forget([token]);
  }
  return { event, latencyMs };
}

/** A token that a stored market lists, so that the test looks nothing up; undefined while no market is stored. */
async function anyKnownToken(database: Database): Promise<string | undefined> {
  const rows = await database.rows<{ token_id: string }>(
    'SELECT token_id FROM market_token_versions LIMIT 1',
  );
  return rows[0]?.token_id;
}

/** A subgraph record whose hashes no exchange can have made: they spell what it is. */
function testEvent(tokenId: string) {
  const mark = createHash('sha256').update(`send-test ${randomUUID()}`).digest('hex');
  const transactionHash = `0x${mark}`;
  const orderHash = `0x${Buffer.from('send-test').toString('hex').padEnd(64, '0')}`;
  const address = `0x${'7e57'.repeat(10)}`;
  return {
    id: `${transactionHash}_${orderHash}`,
    transactionHash,
    orderHash,
    timestamp: String(Math.floor(Date.now() / 1000)),
    maker: address,
    taker: address,
    makerAssetId: '0',
    takerAssetId: tokenId,
    makerAmountFilled: '1',
    takerAmountFilled: '2',
    fee: '0',
  };
}

/** Waits until the trade can be queried, then takes it out. @returns milliseconds from sending to the answer */
async function waitForTrade(
  database: Database,
  event: ReturnType<typeof testEvent>,
  sentAt: number,
  signal: AbortSignal,
): Promise<number> {
  const timestamp = Number(event.timestamp);
  while (Date.now() - sentAt < TIMEOUT_MS) {
    const found = await database.rows(
      'SELECT 1 FROM trades WHERE timestamp = toDateTime({timestamp:UInt32}) AND transaction_hash = {hash:String}',
      { timestamp, hash: event.transactionHash },
    );
    const latencyMs = Date.now() - sentAt;
    if (found.length > 0) {
      await deleteOrderEvents(database, { timestamp, transactionHash: event.transactionHash });
      return latencyMs;
    }
    await sleep(ASK_EVERY_MS, undefined, { signal });
  }
  throw new AppError(
    'SEND_TEST',
    `The test event was no trade after ${TIMEOUT_MS / 1000} s: are workers running (npm run workers), and is nothing in failed on the board?`,
    { retry: 'never' },
  );
}
