import { expect, test } from 'vitest';
import { loadConfig } from '../../src/base/config.ts';
import { V1_EXCHANGES } from '../../src/base/exchanges.ts';
import { askedApis } from '../../src/dashboard/apiStatus.ts';
import { viewOf } from '../../src/dashboard/public/view.js';
import { sourceStatus, type SourceProgress } from '../../src/dashboard/sourceStatus.ts';
import type { Status } from '../../src/dashboard/status.ts';
import type { SourceState } from '../../queues/sourceState.ts';

const NOW_S = 1_777_000_000;
const HEAD = 90_000_000;
const at = (position: number) => ({ position, id: '' });

const progress = new Map<string, SourceProgress>([
  ['polygon', { start: at(HEAD - 5_000), end: at(HEAD - 100), gaps: 1, lostGaps: 0, recounts: undefined }],
]);
const state: SourceState = {
  cursor: at(HEAD - 90),
  known: undefined,
  chainJobId: undefined,
  chainId: undefined,
  tail: undefined,
  headTimestamp: NOW_S - 3,
  headBlock: HEAD,
  headRead: { number: HEAD - 1, hash: '0x1' },
  problem: undefined,
};
const facts = {
  config: loadConfig({ ORDER_SOURCES: 'goldsky,polygon' }),
  progress,
  state,
  eventsPerSecond: 60,
  now: NOW_S * 1000,
};

/** What the page shows of polygon. */
function cellsOf(status: ReturnType<typeof sourceStatus>) {
  const whole = {
    sources: { polygon: status },
    services: {},
    tables: {},
    apis: {},
    queues: {},
    oldestWaitingSeconds: {},
    backlog: { pages: null, redisUsedBytes: null },
    problems: [],
    generatedAt: '',
  };
  const { cells } = viewOf(whole as unknown as Status);
  return (name: string) => cells[`source/polygon/${name}`];
}

test('of a source of blocks the lag is counted back from the newest block, two seconds a block', () => {
  const status = sourceStatus('polygon', facts);
  expect(status).toMatchObject({
    exchanges: facts.config.polygon.exchanges,
    cursor: String(HEAD - 100),
    cursorTime: new Date((NOW_S - 203) * 1000).toISOString(),
    lagSeconds: 203,
    coveredFrom: null,
    coveredFromBlock: HEAD - 5_000,
    headBlock: HEAD,
    readBlock: HEAD - 1,
    readLagSeconds: 5,
    gaps: 1,
  });
  expect(status.exchanges).toHaveLength(3);
  const cell = cellsOf(status);
  expect(cell('cursor')?.text).toBe(`final to ${HEAD - 101}, read to ${HEAD - 1} of ${HEAD}`);
  expect(cell('from')?.text).toBe(`from block ${HEAD - 5_000}`);
  // What was read seconds ago is there: it is only not final yet.
  expect(cell('lag')).toEqual({ text: '3 min 23 s', tone: '' });
});

test('a tail of blocks that does not keep up stands out, whatever is final', () => {
  const behind = { ...state, headRead: undefined, cursor: at(HEAD - 2_000) };
  const late = new Map([['polygon', { ...progress.get('polygon')!, end: at(HEAD - 2_000) }]]);
  const status = sourceStatus('polygon', { ...facts, progress: late, state: behind });
  expect(status).toMatchObject({ readBlock: HEAD - 2_001, readLagSeconds: 4_005, lagSeconds: 4_003 });
  expect(cellsOf(status)('lag')?.tone).toBe('bad');
});

test('before a node has said its newest block, no time of a block is known', () => {
  const unknown = { ...state, headBlock: undefined, headTimestamp: undefined, headRead: undefined };
  const status = sourceStatus('polygon', { ...facts, state: unknown });
  expect(status).toMatchObject({ cursorTime: null, lagSeconds: null, readLagSeconds: null, headBlock: null });
  const cell = cellsOf(status);
  expect(cell('time')?.text).toBe('');
  expect(cell('cursor')?.text).toBe(`final to ${HEAD - 101}, read to ${HEAD - 101}`);
  const nothing = sourceStatus('polygon', { ...facts, progress: undefined, state: undefined });
  expect(nothing).toMatchObject({ cursor: '', coveredFromBlock: null, readBlock: null, gaps: null });
  expect(cellsOf(nothing)('time')?.text).toBe('nothing yet');
});

test('a source of seconds has no blocks, and reads the V1 exchanges', () => {
  expect(sourceStatus('goldsky', { ...facts, state: { ...state, cursor: at(NOW_S - 60) } })).toMatchObject({
    exchanges: V1_EXCHANGES,
    cursorTime: new Date((NOW_S - 60) * 1000).toISOString(),
    coveredFromBlock: null,
    readBlock: null,
    readLagSeconds: null,
  });
});

test('HyperSync is asked only with a token, and where polygon is read', () => {
  const apis = (env: Record<string, string>) => askedApis(loadConfig(env));
  expect(apis({ ORDER_SOURCES: 'goldsky' })).toEqual(['gamma', 'goldsky']);
  expect(apis({ ORDER_SOURCES: 'goldsky,polygon' })).toEqual(['gamma', 'goldsky', 'polygon']);
  expect(apis({ ORDER_SOURCES: 'polygon', HYPERSYNC_TOKEN: 'abc' })).toEqual([
    'gamma',
    'polygon',
    'hypersync',
  ]);
  expect(apis({ ORDER_SOURCES: 'goldsky', HYPERSYNC_TOKEN: 'abc' })).toEqual(['gamma', 'goldsky']);
});
