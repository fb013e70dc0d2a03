import type { Target } from '../fault.ts';
import { forFew, forSome, ignoresCursor, only, troublesOf } from './api.ts';

const API = only('goldsky');

const MESSAGES = [
  'Store error: database error: canceling statement due to statement timeout',
  'subgraph Qm has only indexed up to block number 1 and data for block number 2 is therefore not yet available',
  'service is overloaded and can not run the query right now. Please try again in a few minutes',
  'the chain was reorganized while executing the query',
  'Something went wrong',
];

export const GOLDSKY: Target = {
  name: 'goldsky',
  everyS: 10,
  kinds: [
    ...troublesOf(API),
    ignoresCursor(API),
    forSome(API, '200 with errors', [0.5, 6], (random) => ({
      kind: 'graphql',
      message: random.pick(MESSAGES),
    })),
    forSome(API, 'a node that lags', [1, 8], (random) => ({
      kind: 'behind',
      seconds: 2 + random.below(60),
    })),
    forFew(API, 'now and then a node that lags', 3, (random) => ({
      kind: 'behind',
      seconds: 2 + random.below(60),
    })),
  ],
};
