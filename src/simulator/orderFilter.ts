import type { UpstreamEvent } from './upstream.ts';

/** How a column compares: ids, names and hashes bytewise, numbers as integers. */
export type ColumnKind = 'ID' | 'String' | 'Bytes' | 'BigInt';

/** The columns of the subgraph's entity, with their kinds. */
export const COLUMNS: Readonly<Record<string, ColumnKind>> = {
  id: 'ID',
  transactionHash: 'Bytes',
  timestamp: 'BigInt',
  orderHash: 'Bytes',
  maker: 'String',
  taker: 'String',
  makerAssetId: 'String',
  takerAssetId: 'String',
  makerAmountFilled: 'BigInt',
  takerAmountFilled: 'BigInt',
  fee: 'BigInt',
};

export const OPERATORS = ['not', 'gt', 'lt', 'gte', 'lte', 'in', 'not_in'] as const;
type Operator = (typeof OPERATORS)[number] | 'is';

export type Where = Readonly<Record<string, unknown>>;

/** A filter ready to use: which seconds can hold matches, and the test of an event. */
export interface OrderFilter {
  readonly from: number;
  readonly to: number;
  matches(event: UpstreamEvent): boolean;
}

const EVERYTHING: OrderFilter = { from: -Infinity, to: Infinity, matches: () => true };

/**
 * Compiles a `where` argument.
 * @throws Error with graph-node's text when column filters stand beside `or`.
 */
export function compileFilter(where: Where): OrderFilter {
  const names = Object.keys(where).filter((name) => where[name] !== undefined);
  const columns = names.filter((name) => name !== 'or' && name !== 'and');
  if (names.includes('or') && columns.length > 0) {
    const found = columns.map((name) => `'${name}'`).join(', ');
    throw new Error(
      `Cannot mix column filters with 'or' operator at the same level. Found column filter(s) ${found} alongside 'or' operator.`,
    );
  }
  const parts = columns.map((name) => columnFilter(name, where[name]));
  if (where['and'] !== undefined) parts.push(...(where['and'] as Where[]).map(compileFilter));
  if (where['or'] !== undefined) parts.push(anyOf((where['or'] as Where[]).map(compileFilter)));
  return parts.length === 0 ? EVERYTHING : allOf(parts);
}

function allOf(parts: readonly OrderFilter[]): OrderFilter {
  return {
    from: Math.max(...parts.map((part) => part.from)),
    to: Math.min(...parts.map((part) => part.to)),
    matches: (event) => parts.every((part) => part.matches(event)),
  };
}

function anyOf(parts: readonly OrderFilter[]): OrderFilter {
  if (parts.length === 0) return EVERYTHING;
  return {
    from: Math.min(...parts.map((part) => part.from)),
    to: Math.max(...parts.map((part) => part.to)),
    matches: (event) => parts.some((part) => part.matches(event)),
  };
}

function columnFilter(name: string, value: unknown): OrderFilter {
  const [column = name, operator] = splitName(name);
  const kind = COLUMNS[column] ?? 'String';
  const matches = (event: UpstreamEvent): boolean =>
    test(operator, comparable(kind, valueOf(event, column)), kind, value);
  return { ...(column === 'timestamp' ? seconds(operator, value) : EVERYTHING), matches };
}

/** `timestamp_gt` is the column timestamp and the operator gt. */
function splitName(name: string): [string, Operator] {
  if (name in COLUMNS) return [name, 'is'];
  const operator = [...OPERATORS].sort((a, b) => b.length - a.length).find((one) => name.endsWith(`_${one}`));
  return operator === undefined ? [name, 'is'] : [name.slice(0, -operator.length - 1), operator];
}

/** A broken row still stands at its place: id and timestamp are where it is kept, not what it shows. */
function valueOf(event: UpstreamEvent, column: string): unknown {
  if (column === 'id') return event.id;
  if (column === 'timestamp') return event.timestamp;
  return event.row[column];
}

function test(
  operator: Operator,
  actual: bigint | string | undefined,
  kind: ColumnKind,
  expected: unknown,
): boolean {
  if (operator === 'in' || operator === 'not_in') {
    const found = (expected as unknown[]).some((one) => comparable(kind, one) === actual);
    return found === (operator === 'in');
  }
  const other = comparable(kind, expected);
  if (operator === 'is') return actual === other;
  if (operator === 'not') return actual !== other;
  if (actual === undefined || other === undefined) return false;
  switch (operator) {
    case 'gt':
      return actual > other;
    case 'lt':
      return actual < other;
    case 'gte':
      return actual >= other;
    case 'lte':
      return actual <= other;
  }
}

function comparable(kind: ColumnKind, value: unknown): bigint | string | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  if (kind === 'Bytes') return String(value).toLowerCase();
  if (kind !== 'BigInt') return String(value);
  return /^-?\d+$/.test(String(value)) ? BigInt(value) : undefined;
}

/** The seconds a condition on the timestamp leaves over. */
function seconds(operator: Operator, value: unknown): { readonly from: number; readonly to: number } {
  const all = { from: -Infinity, to: Infinity };
  const second = Number(value);
  switch (operator) {
    case 'is':
      return { from: second, to: second };
    case 'gt':
      return { ...all, from: second + 1 };
    case 'gte':
      return { ...all, from: second };
    case 'lt':
      return { ...all, to: second - 1 };
    case 'lte':
      return { ...all, to: second };
    case 'in': {
      const list = (value as unknown[]).map(Number);
      return { from: Math.min(...list), to: Math.max(...list) };
    }
    case 'not':
    case 'not_in':
      return all;
  }
}
