import { createHash } from 'node:crypto';

/** Single markets and events for tests that look at one thing: everything follows from the names given. */

const hex = (text: string) => `0x${createHash('sha256').update(text).digest('hex')}`;

/** The token of a market's outcome: decimal text. */
export function exampleToken(market: string, outcome: number): string {
  return BigInt(hex(`example token ${market}/${outcome}`)).toString();
}

/** A market as Gamma gives it. */
export function exampleMarket(given: {
  readonly id: string;
  readonly name: string;
  readonly closed?: boolean;
  readonly outcomes?: readonly string[];
}): Record<string, unknown> {
  const { id, name, closed = false, outcomes = ['Yes', 'No'] } = given;
  return {
    id,
    conditionId: hex(`example condition ${name}`),
    question: `Will ${name} happen?`,
    slug: `example-${id}`,
    outcomes: JSON.stringify(outcomes),
    clobTokenIds: JSON.stringify(outcomes.map((_, index) => exampleToken(name, index))),
    volume: '12.5',
    active: true,
    closed,
    createdAt: '2024-07-01T12:00:00Z',
    events: [{ id: '9', slug: 'example-event', ticker: 'example', title: 'An example' }],
  };
}

let orders = 0;

/** A subgraph row: a maker buys 2 of the token for 1 USDC. */
export function exampleTrade(given: {
  readonly token: string;
  /** Unix time. */
  readonly second: number;
}): Record<string, unknown> {
  const transactionHash = hex(`example transaction ${given.token} ${given.second}`);
  const orderHash = hex(`example order ${orders++}`);
  return {
    id: `${transactionHash}_${orderHash}`,
    transactionHash,
    orderHash,
    timestamp: String(given.second),
    maker: `0x${'ab'.repeat(20)}`,
    taker: `0x${'cd'.repeat(20)}`,
    makerAssetId: '0',
    takerAssetId: given.token,
    makerAmountFilled: '1000000',
    takerAmountFilled: '2000000',
    fee: '0',
  };
}
