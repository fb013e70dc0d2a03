import { describe, expect, test } from 'vitest';
import { ORDER_FILLED_V1, ORDER_FILLED_V2 } from '../../src/domain/parseLog.ts';
import { HyperSyncSource } from '../../src/sources/hypersync.ts';
import { blockOf, EXCHANGE, logOf, V1_EXCHANGE, word, type Log } from './polygonNode.ts';
import { failure, readBody, sendJson, serve } from './sourcesServer.ts';

const TOKEN = 'envio-token-0001';

interface Query {
  from_block: number;
  to_block: number;
  logs: { address: string[]; topics: string[][] }[];
  max_num_logs?: number;
}

interface ServerOptions {
  /** The newest block it has. */
  height?: number;
  /** Blocks it gets through in one answer. */
  reach?: number;
  logs?: Log[];
  /** Added to, or in place of, the usual answer. */
  answer?: (query: Query) => object | undefined;
  status?: number;
}

/** A log of JSON-RPC as HyperSync gives it. */
function archived(log: Log): Log {
  const [topic0, topic1, topic2, topic3] = log['topics'] as string[];
  return {
    address: log['address'],
    block_hash: log['blockHash'],
    block_number: Number(log['blockNumber']),
    data: log['data'],
    log_index: Number(log['logIndex']),
    removed: false,
    ...{ topic0, topic1, topic2, topic3 },
    transaction_hash: log['transactionHash'],
    transaction_index: Number(log['transactionIndex']),
  };
}

function archivedBlock(number: number) {
  const { hash, parentHash, timestamp } = blockOf(number);
  return { number, hash, parent_hash: parentHash, timestamp };
}

/** An archive that answers in two batches, with what it was asked. */
async function archive({ height = 1000, reach = 100, logs = [], answer, status = 200 }: ServerOptions = {}) {
  const queries: Query[] = [];
  const authorizations: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    void readBody(request).then((body) => {
      const query = JSON.parse(body) as Query;
      queries.push(query);
      authorizations.push(`${request.url} ${request.headers.authorization}`);
      const next = Math.min(query.from_block + reach, query.to_block, height + 1);
      const of = logs.filter(
        (log) => Number(log['blockNumber']) >= query.from_block && Number(log['blockNumber']) < next,
      );
      const numbers = [...new Set(of.map((log) => Number(log['blockNumber'])))];
      const data = [
        {
          blocks: numbers.map(archivedBlock),
          logs: of.slice(0, 1).map(archived),
        },
        { blocks: [], logs: of.slice(1).map(archived) },
      ];
      const usual = {
        archive_height: height,
        next_block: next,
        total_execution_time: 3,
        data,
        rollback_guard: null,
      };
      sendJson(response, { ...usual, ...answer?.(query) }, status);
    });
  });
  return { url, queries, authorizations };
}

function source(url: string) {
  return new HyperSyncSource({ url, token: TOKEN, exchanges: [EXCHANGE, V1_EXCHANGE], timeoutMs: 2000 });
}

describe('a page', () => {
  test('holds the logs as a node gives them', async () => {
    const logs = [logOf(30, 0), logOf(10, 3), logOf(10, 2)];
    const { url, queries, authorizations } = await archive({ logs });
    let turns = 0;
    const turn = () => Promise.resolve(void turns++);
    const page = await source(`${url}/`).fetchLogs({ from: 10, to: 31, turn });
    expect(page.logs).toEqual([logOf(10, 2), logOf(10, 3), logOf(30, 0)]);
    expect(page).toMatchObject({ from: 10, to: 31, witnesses: 1 });
    expect(page.blocks).toEqual(
      [10, 30].map((n) => ({ ...blockOf(n), number: n, timestamp: Number(blockOf(n).timestamp) })),
    );
    expect(queries).toHaveLength(1);
    expect(queries[0]).toMatchObject({
      from_block: 10,
      to_block: 31,
      logs: [{ address: [EXCHANGE, V1_EXCHANGE], topics: [[ORDER_FILLED_V1, ORDER_FILLED_V2]] }],
    });
    expect(authorizations).toEqual([`/query Bearer ${TOKEN}`]);
    expect(turns).toBe(1);
  });

  test('goes as far as the server got', async () => {
    const { url, queries } = await archive({ logs: [logOf(10, 0), logOf(150, 0)] });
    const polygon = source(url);
    const page = await polygon.fetchLogs({ from: 10, to: 500 });
    expect(page).toMatchObject({ from: 10, to: 110, logs: [logOf(10, 0)] });
    expect(await polygon.fetchLogs({ from: 160, to: 200 })).toMatchObject({ to: 200, logs: [], blocks: [] });
    expect(queries).toHaveLength(2);
  });

  test('plain numbers and hex quantities are read alike', async () => {
    const log = { ...archived(logOf(10, 2)), block_number: '0xa', log_index: '2', transaction_index: '0x0' };
    const block = { ...archivedBlock(10), timestamp: Number(blockOf(10).timestamp) };
    const { url } = await archive({ answer: () => ({ data: [{ blocks: [block], logs: [log] }] }) });
    expect((await source(url).fetchLogs({ from: 10, to: 11 })).logs).toEqual([logOf(10, 2)]);
  });

  test('a malformed log stays in the page', async () => {
    const log = { ...archived(logOf(10, 2)), data: null, log_index: null, topic3: null };
    const { url } = await archive({
      answer: () => ({ data: [{ blocks: [archivedBlock(10)], logs: [log] }] }),
    });
    const [kept] = (await source(url).fetchLogs({ from: 10, to: 11 })).logs;
    expect(kept).toMatchObject({ data: null, logIndex: null, blockNumber: '0xa' });
    expect(kept?.['topics']).toHaveLength(3);
  });

  test('an answer that is too large is asked for again by half the blocks', async () => {
    const large = 'x'.repeat(17 * 1024 * 1024);
    const { url, queries } = await archive({
      answer: (q) => (q.to_block - q.from_block > 30 ? { large } : undefined),
    });
    expect((await source(url).fetchLogs({ from: 0, to: 100 })).to).toBe(25);
    expect(queries.slice(0, 3).map((query) => query.to_block)).toEqual([100, 50, 25]);
  });
});

describe('answers that are not believed', () => {
  const batch = (blocks: unknown, logs: unknown) => ({ answer: () => ({ data: [{ blocks, logs }] }) });
  const log = archived(logOf(10, 0));

  test.each([
    ['no way to go on', { answer: () => ({ next_block: 10 }) }, 'UPSTREAM_BAD_BODY'],
    ['no next block', { answer: () => ({ next_block: null }) }, 'UPSTREAM_BAD_BODY'],
    ['no data', { answer: () => ({ data: 'none' }) }, 'UPSTREAM_BAD_BODY'],
    ['blocks that are no list', batch({}, []), 'UPSTREAM_BAD_BODY'],
    ['a block without hash', batch([{ number: 10, timestamp: 1 }], [log]), 'UPSTREAM_BAD_BODY'],
    ['a log without its block', batch([], [log]), 'UPSTREAM_BAD_BODY'],
    ['a log of another range', batch([archivedBlock(25)], [archived(logOf(25, 0))]), 'UPSTREAM_BAD_BODY'],
    [
      'a log of another event',
      batch([archivedBlock(10)], [{ ...log, topic0: word(1) }]),
      'UPSTREAM_BAD_BODY',
    ],
    [
      'a log of another block',
      batch([archivedBlock(10)], [{ ...log, block_hash: word(7) }]),
      'UPSTREAM_LAGGING',
    ],
    ['an error in place of an answer', { answer: () => ({ error: 'internal' }) }, 'UPSTREAM_BAD_BODY'],
    [
      'a rate limit with status 200',
      { answer: () => ({ error: 'rate limited by server' }) },
      'UPSTREAM_RATE_LIMITED',
    ],
    ['an archive that is not as far', { height: 9 }, 'UPSTREAM_LAGGING'],
  ])('%s', async (_name, options, code) => {
    const { url } = await archive(options);
    expect(await failure(source(url).fetchLogs({ from: 10, to: 20 }))).toMatchObject({ code, retry: 'wait' });
  });

  test.each([401, 403])('a token that is refused (%i) names the setting, not the token', async (status) => {
    const { url } = await archive({ status, answer: () => ({ error: `token ${TOKEN} is not known` }) });
    const error = await failure(source(url).fetchLogs({ from: 10, to: 20 }));
    expect(error).toMatchObject({ code: 'UPSTREAM_REJECTED', retry: 'never' });
    expect(error.message).toBe(
      `HyperSync (${url}) does not accept the token (status ${status}): check HYPERSYNC_TOKEN`,
    );
    expect(String(error.cause)).not.toContain(TOKEN);
  });
});
