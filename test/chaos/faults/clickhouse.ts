import type { Random } from '../../../src/simulator/random.ts';
import type { Trouble } from '../../support/clickhouseProxy.ts';
import { between, seconds, type FaultKind, type Target, type World } from '../fault.ts';

const group = 'clickhouse';

function during(
  name: string,
  [fromS, toS]: readonly [number, number],
  draw: (
    random: Random,
    ms: number,
  ) => {
    readonly what: string;
    readonly begin: (world: World) => void | Promise<void>;
    readonly end: (world: World) => void | Promise<void>;
  },
): FaultKind {
  return {
    name,
    group,
    share: 1,
    draw: (random) => {
      const ms = between(random, fromS, toS);
      const { what, begin, end } = draw(random, ms);
      return {
        what: `${what} (${seconds(ms)})`,
        forMs: ms,
        run: async (world, pause) => {
          await begin(world);
          await pause(ms);
          await end(world);
        },
      };
    },
  };
}

const heal = ({ clickhouse }: World) => clickhouse.heal();

/** What requests meet for a time. */
function trouble(
  name: string,
  scope: 'writes' | 'everything',
  range: readonly [number, number],
  draw: (random: Random) => Trouble,
): FaultKind {
  return during(name, range, (random) => {
    const drawn = draw(random);
    return { what: name, begin: ({ clickhouse }) => clickhouse.makeTrouble(scope, drawn), end: heal };
  });
}

const refusal = (what: string, code: number) =>
  trouble(`ClickHouse refuses writes: ${what}`, 'writes', [1, 12], () => ({ kind: 'refuse', code }));

export const CLICKHOUSE_HTTP: Target = {
  name: 'ClickHouse HTTP',
  everyS: 15,
  kinds: [
    during('ClickHouse out of reach', [0.5, 12], () => ({
      what: 'ClickHouse is out of reach',
      begin: ({ clickhouse }) => clickhouse.down(),
      end: ({ clickhouse }) => clickhouse.up(),
    })),
    during('ClickHouse hangs', [1, 12], () => ({
      what: 'ClickHouse hangs, and goes on',
      begin: ({ clickhouse }) => clickhouse.hang(),
      end: heal,
    })),
    during('ClickHouse hangs, connections break', [1, 12], () => ({
      what: 'ClickHouse hangs, and its connections break',
      begin: ({ clickhouse }) => clickhouse.hang(),
      end: ({ clickhouse }) => {
        clickhouse.cut();
        clickhouse.heal();
      },
    })),
    trouble('ClickHouse is slow', 'everything', [2, 12], (random) => ({
      kind: 'slow',
      ms: between(random, 0.2, 3),
    })),
    trouble('answers of ClickHouse lost, writes landed', 'writes', [1, 6], () => ({ kind: 'cut' })),
    trouble('writes land after their sender gave up', 'writes', [1, 6], (random) => ({
      kind: 'late',
      ms: between(random, 1, 20),
    })),
    trouble('a gateway answers for ClickHouse', 'everything', [1, 8], (random) => ({
      kind: 'page',
      status: random.pick([500, 502] as const),
    })),
    refusal('no space', 243),
    refusal('read-only', 242),
    refusal('too many parts', 252),
  ],
};
