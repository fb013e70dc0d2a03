import { describe, expect, test } from 'vitest';
import { EndpointPool } from '../../src/sources/polygonPool.ts';
import { UpstreamError } from '../../src/sources/upstreamError.ts';

const wait = (waitMs?: number) =>
  new UpstreamError('UPSTREAM_SERVER_ERROR', `wait ${waitMs}`, {
    retry: 'wait',
    ...(waitMs === undefined ? {} : { waitMs }),
  });
const never = () => new UpstreamError('UPSTREAM_REJECTED', 'never', { retry: 'never' });

/** A pool over a clock of its own, whose endpoints fail as `errors` says, with those that were asked. */
function poolOf(...names: string[]) {
  const clock = { now: 0 };
  const errors = new Map<string, Error>();
  let asked = '';
  const pool = new EndpointPool(names, () => clock.now);
  const ask = (name: string) => {
    asked += name;
    const error = errors.get(name);
    return error === undefined ? Promise.resolve(name) : Promise.reject(error);
  };
  const askedAt = async (now: number, rotate = 0) => {
    clock.now = now;
    asked = '';
    await pool.use(rotate, ask).catch(() => undefined);
    return asked;
  };
  return { pool, errors, ask, askedAt };
}

describe('one that failed is passed over', () => {
  test('for a second, then twice as long each time, up to a minute', async () => {
    const { errors, askedAt } = poolOf('a', 'b');
    errors.set('a', wait());
    let at = 0;
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      expect(await askedAt(at)).toBe('ab');
      at += seconds * 1000;
      expect(await askedAt(at - 1)).toBe('b');
    }
    errors.clear();
    expect(await askedAt(at)).toBe('a');
    errors.set('a', wait());
    expect(await askedAt(at)).toBe('ab');
    expect(await askedAt(at + 1000)).toBe('ab');
  });

  test('for as long as it says itself', async () => {
    const { errors, askedAt } = poolOf('a', 'b');
    errors.set('a', wait(5000));
    expect([await askedAt(0), await askedAt(4999), await askedAt(5000)]).toEqual(['ab', 'b', 'ab']);
  });

  test('unless all are: then the one that is due first is asked', async () => {
    const { errors, askedAt } = poolOf('a', 'b', 'c');
    for (const [name, ms] of [
      ['a', 9000],
      ['b', 3000],
      ['c', 6000],
    ] as const)
      errors.set(name, wait(ms));
    expect([await askedAt(0), await askedAt(1)]).toEqual(['abc', 'b']);
  });

  test('not for a block that is too large', async () => {
    const { errors, askedAt } = poolOf('a', 'b');
    errors.set('a', new UpstreamError('UPSTREAM_TOO_EXPENSIVE', 'large', { retry: 'attempt' }));
    expect([await askedAt(0), await askedAt(1)]).toEqual(['ab', 'ab']);
  });
});

describe('where all fail', () => {
  test.each([
    ['a wait before a refusal', [never(), wait()], 'wait undefined'],
    ['the shortest wait', [wait(9000), wait(2000)], 'wait 2000'],
    ['the refusal where nothing else is', [never(), never()], 'never'],
  ])('the error is %s', async (_name, [first, second], message) => {
    const { pool, errors, ask } = poolOf('a', 'b');
    if (first !== undefined) errors.set('a', first);
    if (second !== undefined) errors.set('b', second);
    await expect(pool.use(0, ask)).rejects.toThrow(message);
  });

  test('the wait of one that is passed over counts, too', async () => {
    const { pool, errors, ask, askedAt } = poolOf('a', 'b');
    errors.set('a', never()).set('b', wait(60_000));
    expect([await askedAt(0), await askedAt(1000)]).toEqual(['ab', 'a']);
    await expect(pool.use(0, ask)).rejects.toThrow('wait 60000');
  });
});

test('the order may begin anywhere', async () => {
  const { errors, askedAt } = poolOf('a', 'b', 'c');
  for (const name of ['a', 'b', 'c']) errors.set(name, wait());
  expect([await askedAt(0, 1), await askedAt(10_000, 5)]).toEqual(['bca', 'cab']);
});

test('another one is none where all others are passed over', async () => {
  const { pool, errors, ask, askedAt } = poolOf('a', 'b');
  expect(await pool.another('a', ask)).toEqual({ value: 'b', endpoint: 'b' });
  errors.set('b', wait());
  await askedAt(0, 1);
  errors.clear();
  expect(await pool.another('a', ask)).toBeUndefined();
});

test('an error that is no upstream error ends it', async () => {
  const { errors, pool, ask } = poolOf('a', 'b');
  errors.set('a', new TypeError('a bug'));
  await expect(pool.use(0, ask)).rejects.toThrow(TypeError);
});
