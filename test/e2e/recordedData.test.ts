import { expect, test } from 'vitest';
import { readEvents } from '../../src/simulator/recordedFiles.ts';
import { toGammaMarkets } from '../../src/simulator/recordedMarkets.ts';
import { makeWorld, startWorkersHere, untilCount } from '../support/pipeline.ts';
import {
  lacksRecordedData,
  readRecorded,
  recordedFile,
  recordedFills,
  recordedPair,
  type DataApiTrade,
} from '../support/recordedData.ts';

type Json = Record<string, unknown>;

interface StoredTrade {
  id: string;
  seconds: string;
  condition_id: string;
  token_id: string;
  nonusdc_side: string;
  outcome: string;
  maker: string;
  taker: string;
  maker_direction: string;
  taker_direction: string;
  price: number;
  usd: string;
  tokens: string;
  is_taker_side: number;
  fee: string;
  transaction_hash: string;
  market_id: string;
}

const TRADES = `SELECT id, toUnixTimestamp(timestamp) AS seconds, condition_id, token_id, nonusdc_side, outcome, maker,
  taker, maker_direction, taker_direction, price, toDecimalString(usd_amount, 6) AS usd,
  toDecimalString(token_amount, 6) AS tokens, is_taker_side, toDecimalString(fee, 6) AS fee, transaction_hash, market_id
  FROM trades`;

test.skipIf(lacksRecordedData)(
  'recorded order events and markets: every event has its row, every trade is what the chain and the markets say',
  async () => {
    const rows: Json[] = [];
    for await (const row of readEvents(recordedFile('order-filled.csv'))) rows.push(row);
    const objects = ['clob-markets.json.gz', 'gamma-events.json.gz', 'gamma-markets.json.gz'].flatMap(
      (name) => readRecorded<Json[]>(name),
    );
    const fills = recordedFills();
    const from = Math.min(...fills.map((fill) => fill.timestamp));
    const recording = { rows, markets: toGammaMarkets(objects), from };
    const { environment, database, simulator } = await makeWorld(recording);
    // V1 from the subgraph, V2 from the chain.
    const firstV2 = Math.min(...rows.filter(isV2).map((row) => Number(row['blockNumber'])));
    startWorkersHere({
      ...environment,
      ORDER_SOURCES: 'goldsky,polygon',
      POLYGON_RPC_URL: simulator.polygonUrl,
      POLYGON_START: String(firstV2),
    });

    // What the recorded markets say of each token, read without the project's own parsers.
    const labels = labelsOf(objects);
    const known = fills.filter((fill) => labels.has(fill.tokenId)).length;
    expect(known).toBe(13);
    await untilCount(database, `SELECT count() AS n FROM order_events`, fills.length, 60_000);
    await untilCount(database, `SELECT count() AS n FROM trades WHERE market_id != ''`, known, 60_000);
    const conditions = new Set([...labels.values()].map((label) => label.conditionId));
    await untilCount(database, 'SELECT uniqExact(condition_id) AS n FROM markets', conditions.size, 60_000);

    const stored = new Map((await database.rows<StoredTrade>(TRADES)).map((trade) => [trade.id, trade]));
    expect(stored.size).toBe(fills.length);
    for (const fill of fills) {
      const row = rows.find(
        ({ transactionHash, orderHash }) =>
          transactionHash === fill.transactionHash && orderHash === fill.orderHash,
      );
      const isLog = row !== undefined && isV2(row);
      const id = `${fill.transactionHash}${isLog ? `-${String(row['logIndex'])}` : `_${fill.orderHash}`}`;
      const label = labels.get(fill.tokenId);
      const { price, market_id: marketId, ...rest } = stored.get(id) ?? ({} as StoredTrade);
      expect(rest).toEqual({
        id,
        seconds: fill.timestamp,
        condition_id: label?.conditionId ?? '',
        token_id: fill.tokenId,
        nonusdc_side: label === undefined ? '' : (['token1', 'token2'][label.index] ?? ''),
        outcome: label?.outcome ?? '',
        maker: fill.maker,
        taker: fill.taker,
        maker_direction: fill.side,
        taker_direction: fill.side === 'BUY' ? 'SELL' : 'BUY',
        usd: decimal(fill.usd),
        tokens: decimal(fill.tokens),
        is_taker_side: fill.taker === fill.exchange ? 1 : 0,
        fee: decimal(fill.fee),
        transaction_hash: fill.transactionHash,
      });
      expect(price).toBe(Number(fill.usd) / Number(fill.tokens));
      expect(marketId === '').toBe(label === undefined);
    }

    // Polymarket's own record of one of these fills.
    const pair = recordedPair();
    expect(pair.length).toBeGreaterThan(0);
    for (const record of pair) {
      const trade = [...stored.values()].find(
        ({ transaction_hash: hash, maker }) =>
          hash === record.transactionHash && maker === record.proxyWallet,
      );
      expectLikeDataApi(trade, record);
      expect(Number(trade?.usd)).toBe(record.usdcSize);
    }
    // The subgraph's rows have no exchange address, block or log index: they are not made up.
    const logs = rows.filter(isV2).length;
    expect(logs).toBe(5);
    await untilCount(database, `SELECT count() AS n FROM trades WHERE exchange != ''`, logs, 5_000);
  },
  120_000,
);

/** The first block of the V2 exchanges. */
const FIRST_V2_BLOCK = 84_902_353;

function isV2(row: Json): boolean {
  return Number(row['blockNumber']) >= FIRST_V2_BLOCK;
}

test.skipIf(lacksRecordedData)(
  'events made from real Data API trades (the taker fills of V1): side, size, price and outcome are the Data API’s',
  async () => {
    const records = readRecorded<DataApiTrade[]>('data-api-trades.json.gz');
    const rows = records.map(madeEvent);
    const from = Math.min(...records.map((record) => record.timestamp));
    const { environment, database } = await makeWorld({ rows, markets: madeMarkets(records), from });
    startWorkersHere(environment);
    await untilCount(database, `SELECT count() AS n FROM trades WHERE market_id != ''`, rows.length, 90_000);

    const stored = new Map((await database.rows<StoredTrade>(TRADES)).map((trade) => [trade.id, trade]));
    expect(stored.size).toBe(records.length);
    for (const [index, record] of records.entries()) {
      const trade = stored.get(String(rows[index]?.['id']));
      expectLikeDataApi(trade, record);
      expect(trade?.outcome).toBe(record.outcome);
      expect(trade?.condition_id).toBe(record.conditionId);
      expect(trade?.nonusdc_side).toBe(`token${record.outcomeIndex + 1}`);
      expect(trade?.is_taker_side).toBe(1);
      expect(trade?.maker).toBe(record.proxyWallet);
    }
  },
  120_000,
);

/** Side, token, size and price; the Data API rounds as doubles do, and its price is of rounded amounts. */
function expectLikeDataApi(trade: StoredTrade | undefined, record: DataApiTrade): void {
  expect(trade).toMatchObject({
    maker_direction: record.side,
    token_id: record.asset,
    seconds: record.timestamp,
    transaction_hash: record.transactionHash,
    tokens: record.size.toFixed(6),
  });
  expect(Math.abs((trade?.price ?? 0) - record.price)).toBeLessThanOrEqual(1e-6 / record.size + 1e-9);
}

const EXCHANGE = '0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e';

/** The OrderFilled that a V1 exchange would have emitted for this trade's taker. Made: the order hash is not real. */
function madeEvent(record: DataApiTrade, index: number): Json {
  const tokens = BigInt(Math.round(record.size * 1e6));
  const usd = BigInt(Math.round(record.size * record.price * 1e6));
  const buys = record.side === 'BUY';
  const orderHash = `0x${index.toString(16).padStart(64, '0')}`;
  return {
    id: `${record.transactionHash}_${orderHash}`,
    transactionHash: record.transactionHash,
    orderHash,
    timestamp: String(record.timestamp),
    maker: record.proxyWallet,
    taker: EXCHANGE,
    makerAssetId: buys ? '0' : record.asset,
    takerAssetId: buys ? record.asset : '0',
    makerAmountFilled: String(buys ? usd : tokens),
    takerAmountFilled: String(buys ? tokens : usd),
    fee: '0',
  };
}

/** The markets of these trades, as far as the trades tell: an outcome nobody traded gets a made name and token. */
function madeMarkets(records: readonly DataApiTrade[]): Json[] {
  const conditions = [...new Set(records.map((record) => record.conditionId))];
  return conditions.map((conditionId, place) => {
    const trades = records.filter((record) => record.conditionId === conditionId);
    const of = (index: number) => trades.find((trade) => trade.outcomeIndex === index);
    const id = 800_000 + place;
    return {
      id: String(id),
      conditionId,
      question: `Market ${id}`,
      slug: `market-${id}`,
      outcomes: JSON.stringify([0, 1].map((index) => of(index)?.outcome ?? 'Not traded')),
      clobTokenIds: JSON.stringify([0, 1].map((index) => of(index)?.asset ?? String(id))),
      active: true,
      closed: false,
      createdAt: '2026-04-08T00:00:00Z',
    };
  });
}

interface Label {
  readonly conditionId: string;
  readonly index: number;
  readonly outcome: string;
}

/** Token to market, from all three shapes of recorded markets; one without a condition id is none. */
function labelsOf(objects: readonly Json[]): Map<string, Label> {
  const labels = new Map<string, Label>();
  const note = (conditionId: unknown, tokens: readonly string[], outcomes: readonly string[]) => {
    if (typeof conditionId !== 'string' || conditionId === '') return;
    tokens.forEach((token, index) =>
      labels.set(token, { conditionId: conditionId.toLowerCase(), index, outcome: outcomes[index] ?? '' }),
    );
  };
  for (const object of objects) {
    if (Array.isArray(object['tokens'])) {
      const tokens = object['tokens'] as { token_id: string; outcome: string }[];
      note(
        object['condition_id'],
        tokens.map((token) => token.token_id),
        tokens.map((token) => token.outcome),
      );
      continue;
    }
    const markets = Array.isArray(object['markets']) ? (object['markets'] as Json[]) : [object];
    for (const market of markets) {
      note(market['conditionId'], innerList(market['clobTokenIds']), innerList(market['outcomes']));
    }
  }
  return labels;
}

function innerList(value: unknown): string[] {
  return typeof value === 'string' && value !== '' ? (JSON.parse(value) as string[]) : [];
}

function decimal(base: bigint): string {
  return `${base / 1_000_000n}.${(base % 1_000_000n).toString().padStart(6, '0')}`;
}
