import { chainLogs } from '../../src/simulator/chainLogs.ts';
import { SimulatedExchange } from '../../src/simulator/exchange.ts';
import type { ChainLog, Fill, Upstream } from '../../src/simulator/upstream.ts';
import type { Database } from '../../src/store/clickhouse.ts';
import type { Recording } from './recording.ts';

/** What has to be in ClickHouse of a made chain, worked out from its fills by the rules alone: nothing of src/domain is used. */
export type Expected = Recording['expected'] & {
  /** By id. */
  readonly blockHashes: ReadonlyMap<string, string>;
  /** By id: the columns beyond the contract's that tell the eras apart. */
  readonly eras: Map<string, string>;
};

const EXCHANGES: Readonly<Record<string, 1 | 2 | 3>> = {
  '0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e': 1,
  '0xc5d563a36ae78145c45a50134d48a1215220f80a': 1,
  '0xe111180000d2663c0091e4f400237545b87b996b': 2,
  '0xe2222d279d744050d28e00520010520000310f59': 2,
  '0xe3333700ca9d93003f00f0f71f8515005f6c00aa': 3,
};

/** A made exchange on which trading can end while its chain goes on. */
export class MadeChain extends SimulatedExchange {
  #lastBlock = Infinity;

  /** Nothing is traded in later blocks than the head of now. */
  quieten(): void {
    this.#lastBlock = this.chainHead().number;
  }

  override logs(block: number): readonly ChainLog[] {
    return block > this.#lastBlock ? [] : super.logs(block);
  }
}

/** What the chain has now from a block on, up to its head. */
export function expectedOf(upstream: Upstream, firstBlock: number): Expected {
  const labels = labelsOf(upstream);
  const orderEvents = new Map<string, string>();
  const trades = new Map<string, string>();
  const quarantine = new Set<string>();
  const blockHashes = new Map<string, string>();
  const eras = new Map<string, string>();
  for (const { log, fill, malformed } of chainLogs(upstream, firstBlock, Infinity)) {
    if (malformed !== undefined || fill === undefined) {
      quarantine.add(JSON.stringify(log));
      continue;
    }
    const id = `${fill.transactionHash}-${fill.logIndex}`;
    orderEvents.set(id, eventLine(id, fill));
    trades.set(id, tradeLine(id, fill, labels.get(fill.tokenId)));
    const blockHash = String(log['blockHash']);
    blockHashes.set(id, blockHash);
    eras.set(id, eraLine(id, fill, blockHash));
  }
  for (const entry of upstream.markets()) {
    const market = entry.object();
    if (typeof market['conditionId'] !== 'string') quarantine.add(JSON.stringify(market));
  }
  return { orderEvents, trades, quarantine, blockHashes, eras };
}

interface Label {
  readonly marketId: string;
  readonly conditionId: string;
  readonly side: string;
  readonly outcome: string;
}

/** By token: both ledgers' ids of every market that is listed. */
function labelsOf(upstream: Upstream): Map<string, Label> {
  const labels = new Map<string, Label>();
  for (const entry of upstream.markets()) {
    const market = entry.object();
    // Served broken: it labels nothing, and is in quarantine.
    if (typeof market['conditionId'] !== 'string') continue;
    const list = (name: string): string[] => {
      const value = market[name];
      if (typeof value === 'string') return value === '' ? [] : (JSON.parse(value) as string[]);
      return (value ?? []) as string[];
    };
    const outcomes = list('outcomes');
    for (const tokens of [list('clobTokenIds'), list('positionIds')]) {
      for (const [index, token] of tokens.entries()) {
        labels.set(token, {
          marketId: String(market['id']),
          conditionId: String(market['conditionId']),
          side: ['token1', 'token2'][index] ?? '',
          outcome: outcomes[index] ?? '',
        });
      }
    }
  }
  return labels;
}

function eventLine(id: string, fill: Fill): string {
  const buys = fill.side === 'BUY';
  return [
    id,
    'polygon',
    fill.exchange,
    fill.blockNumber,
    fill.logIndex,
    fill.timestamp,
    fill.transactionHash,
    fill.orderHash,
    fill.maker,
    fill.taker,
    buys ? '0' : fill.tokenId,
    buys ? fill.tokenId : '0',
    buys ? fill.usd : fill.tokens,
    buys ? fill.tokens : fill.usd,
    fill.fee,
  ].join('|');
}

function tradeLine(id: string, fill: Fill, label: Label | undefined): string {
  const buys = fill.side === 'BUY';
  return [
    id,
    fill.timestamp,
    label?.marketId ?? '',
    label?.conditionId ?? '',
    fill.tokenId,
    label?.side ?? '',
    label?.outcome ?? '',
    fill.maker,
    fill.taker,
    buys ? 'BUY' : 'SELL',
    buys ? 'SELL' : 'BUY',
    fill.usd === 0 || fill.tokens === 0 ? 'none' : String(fill.usd / fill.tokens),
    decimal(fill.usd),
    decimal(fill.tokens),
    fill.taker in EXCHANGES ? '1' : '0',
    decimal(fill.fee),
    fill.transactionHash,
    fill.orderHash,
  ].join('|');
}

function decimal(baseUnits: number): string {
  const text = String(baseUnits).padStart(7, '0');
  return `${text.slice(0, -6)}.${text.slice(-6)}`;
}

/** The columns beyond the contract's that tell the eras apart, as a line. */
function eraLine(id: string, fill: Fill, blockHash: string): string {
  const version = EXCHANGES[fill.exchange] ?? 0;
  const received = fill.side === 'BUY' ? fill.tokenId : '0';
  return [id, version, blockHash, fill.builder, fill.metadata, version === 1 ? received : '0'].join('|');
}

export async function readEraLines(database: Database): Promise<string[]> {
  const rows = await database.rows<{ line: string }>(
    `SELECT concat_ws('|', id, exchange_version, block_hash, builder, metadata, fee_asset_id) AS line FROM order_events`,
  );
  return rows.map(({ line }) => line);
}
