import { createHash } from 'node:crypto';

/**
 * A recording to run the pipeline on, and what must be in ClickHouse afterwards, worked out here from the rules
 * alone: nothing of src/domain is used.
 */
export interface Recording {
  /** Subgraph rows, malformed ones among them, in no particular order. */
  readonly rows: Record<string, unknown>[];
  /** Gamma markets. */
  readonly markets: Record<string, unknown>[];
  readonly expected: {
    /** By id: the fields of order_events in the contract's order, as text. */
    readonly orderEvents: Map<string, string>;
    /** By id: the fields of trades. */
    readonly trades: Map<string, string>;
    /** JSON of every malformed record. */
    readonly quarantine: Set<string>;
  };
  /** First and last second with events. */
  readonly from: number;
  readonly to: number;
}

export interface RecordingOptions {
  readonly events: number;
  readonly seed?: number;
  /** Seconds in which more than a page of events happens, and how many of them. */
  readonly bursts?: number;
  readonly burstSize?: number;
  /** One in this many records is malformed. */
  readonly malformedEvery?: number;
}

const EXCHANGES = [
  '0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e',
  '0xc5d563a36ae78145c45a50134d48a1215220f80a',
];
const START = 1_714_000_000;
const MARKETS = 300;

/** Small and seeded: the same recording for the same options. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const hex = (text: string, bytes: number) =>
  `0x${createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, bytes * 2)}`;
const tokenId = (text: string) => BigInt(hex(text, 32)).toString();

interface TestMarket {
  readonly id: string;
  readonly conditionId: string;
  readonly tokens: string[];
  readonly outcomes: string[];
}

function makeMarkets(): TestMarket[] {
  return Array.from({ length: MARKETS }, (_, index) => {
    // Most have two outcomes; one in 20 has three, one in 30 only one.
    const count = index % 20 === 7 ? 3 : index % 30 === 11 ? 1 : 2;
    const names = count === 3 ? ['Home', 'Draw', 'Away'] : ['Yes', 'It\'s "No"\t\\'];
    return {
      id: String(500_000 + index),
      conditionId: hex(`condition ${index}`, 32),
      tokens: Array.from({ length: count }, (_, side) => tokenId(`token ${index}/${side}`)),
      outcomes: names.slice(0, count),
    };
  });
}

export function makeRecording(options: RecordingOptions): Recording {
  const { events, seed = 1, bursts = 3, burstSize = 1_500, malformedEvery = 500 } = options;
  const next = random(seed);
  const markets = makeMarkets();
  const wallets = Array.from({ length: 2_000 }, (_, index) => hex(`wallet ${index}`, 20));
  const rows: Record<string, unknown>[] = [];
  const expected: Recording['expected'] = {
    orderEvents: new Map(),
    trades: new Map(),
    quarantine: new Set(),
  };
  let second = START;
  let leftInSecond = 0;
  let lastRow: Row | undefined;

  for (let index = 0; index < events; index++) {
    if (leftInSecond === 0) {
      second += 1 + next(3);
      const burst = bursts > 0 && index % Math.ceil(events / bursts) === Math.floor(events / bursts / 2);
      leftInSecond = burst ? burstSize : 1 + next(60);
    }
    leftInSecond--;

    const market = markets[Math.floor(next(MARKETS) ** 2 / MARKETS)] ?? markets[0];
    if (market === undefined) throw new Error('no markets');
    const side = next(market.tokens.length);
    // One token in 100 is in no market.
    const label = next(100) === 0 ? undefined : { market, side };
    const token = label === undefined ? tokenId(`unlisted ${next(20)}`) : (market.tokens[side] ?? '');
    const row = makeRow({ index, second, token, wallets, next, lastRow, seed });
    lastRow = row;
    if (index % malformedEvery === malformedEvery - 1) {
      const broken = damage(row, Math.floor(index / malformedEvery));
      rows.push(broken);
      expected.quarantine.add(JSON.stringify(broken));
      continue;
    }
    rows.push(row);
    expected.orderEvents.set(row.id.toLowerCase(), expectedEvent(row));
    const trade = expectedTrade(row, label);
    if (trade !== undefined) expected.trades.set(row.id.toLowerCase(), trade);
  }
  return { rows, markets: markets.map(gammaMarket), expected, from: START, to: second };
}

interface Row extends Record<string, unknown> {
  id: string;
  transactionHash: string;
  orderHash: string;
  timestamp: string;
  maker: string;
  taker: string;
  makerAssetId: string;
  takerAssetId: string;
  makerAmountFilled: string;
  takerAmountFilled: string;
  fee: string;
}

function makeRow(given: {
  index: number;
  second: number;
  token: string;
  wallets: string[];
  next: (below: number) => number;
  lastRow: Row | undefined;
  seed: number;
}): Row {
  const { index, second, token, wallets, next, lastRow, seed } = given;
  // Same transaction as the event before, or the same order filled again in another transaction.
  const transactionHash =
    lastRow !== undefined && lastRow.timestamp === String(second) && next(3) === 0
      ? lastRow.transactionHash
      : hex(`tx ${seed}/${index}`, 32);
  const orderHash =
    lastRow !== undefined && lastRow.transactionHash !== transactionHash && next(10) === 0
      ? lastRow.orderHash
      : hex(`order ${seed}/${index}`, 32);
  const buys = next(2) === 0;
  // Neither or both assets the collateral: an order event that is no trade.
  const odd = next(400);
  const [makerAssetId, takerAssetId] =
    odd === 0 ? ['0', '0'] : odd === 1 ? [token, tokenId('other')] : buys ? ['0', token] : [token, '0'];
  const dust = next(200);
  const amount = () => String(1 + next(1_000_000_000));
  return {
    id: `${transactionHash}_${orderHash}`,
    transactionHash,
    orderHash,
    timestamp: String(second),
    maker: wallets[next(wallets.length)] ?? '',
    taker: next(2) === 0 ? (EXCHANGES[next(2)] ?? '') : (wallets[next(wallets.length)] ?? ''),
    makerAssetId,
    takerAssetId,
    makerAmountFilled: dust === 0 ? '0' : dust === 1 ? '18446744073709551615' : amount(),
    takerAmountFilled: dust <= 1 ? '0' : dust === 2 ? '1' : amount(),
    fee: next(5) === 0 ? amount() : '0',
  };
}

/** One of the ways in which a record can be malformed. */
function damage(row: Row, kind: number): Record<string, unknown> {
  const ways: ((r: Record<string, unknown>) => void)[] = [
    (r) => delete r['maker'],
    (r) => (r['taker'] = null),
    (r) => (r['makerAmountFilled'] = 5),
    (r) => (r['takerAmountFilled'] = '-1'),
    (r) => (r['makerAmountFilled'] = '1e6'),
    (r) =>
      (r['takerAmountFilled'] =
        '115792089237316195423570985008687907853269984665640564039457584007913129639936'),
    (r) => (r['maker'] = '0x1234'),
    (r) => (r['orderHash'] = 'not hex'),
    (r) => (r['makerAssetId'] = '0x10'),
    (r) => (r['fee'] = ''),
    (r) => (r['transactionHash'] = `${String(r['transactionHash'])}00`),
    (r) => (r['takerAssetId'] = ['1']),
  ];
  const broken: Record<string, unknown> = { ...row };
  ways[kind % ways.length]?.(broken);
  return broken;
}

function expectedEvent(row: Row): string {
  return [
    row.id,
    'goldsky',
    '',
    '0',
    '0',
    row.timestamp,
    row.transactionHash,
    row.orderHash,
    row.maker,
    row.taker,
    row.makerAssetId,
    row.takerAssetId,
    row.makerAmountFilled,
    row.takerAmountFilled,
    row.fee,
  ].join('|');
}

function decimal(base: bigint): string {
  return `${base / 1_000_000n}.${(base % 1_000_000n).toString().padStart(6, '0')}`;
}

function expectedTrade(
  row: Row,
  label: { market: TestMarket; side: number } | undefined,
): string | undefined {
  if ((row.makerAssetId === '0') === (row.takerAssetId === '0')) return undefined;
  const buys = row.makerAssetId === '0';
  const usd = BigInt(buys ? row.makerAmountFilled : row.takerAmountFilled);
  const tokens = BigInt(buys ? row.takerAmountFilled : row.makerAmountFilled);
  return [
    row.id,
    row.timestamp,
    label?.market.id ?? '',
    label?.market.conditionId ?? '',
    buys ? row.takerAssetId : row.makerAssetId,
    label === undefined ? '' : (['token1', 'token2'][label.side] ?? ''),
    label === undefined ? '' : (label.market.outcomes[label.side] ?? ''),
    row.maker,
    row.taker,
    buys ? 'BUY' : 'SELL',
    buys ? 'SELL' : 'BUY',
    usd === 0n || tokens === 0n ? 'none' : String(Number(usd) / Number(tokens)),
    decimal(usd),
    decimal(tokens),
    EXCHANGES.includes(row.taker) ? '1' : '0',
    decimal(BigInt(row.fee)),
    row.transactionHash,
    row.orderHash,
  ].join('|');
}

/** The object as Gamma would give it: strings that hold JSON. */
function gammaMarket(market: TestMarket): Record<string, unknown> {
  return {
    id: market.id,
    conditionId: market.conditionId,
    question: `Will ${market.id} happen?`,
    slug: `market-${market.id}`,
    outcomes: JSON.stringify(market.outcomes),
    clobTokenIds: JSON.stringify(market.tokens),
    volume: '12.5',
    active: true,
    closed: Number(market.id) % 3 === 0,
    createdAt: '2024-04-20T12:00:00.123456Z',
    updatedAt: '2024-04-21T12:00:00Z',
    events: [{ id: '9', slug: `event-${market.id}`, ticker: `ticker-${market.id}`, title: 'An event' }],
  };
}
