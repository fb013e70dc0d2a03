import { expect, test } from 'vitest';
import { makeWorld, startWorkersHere, untilComplete, untilCount, type World } from '../support/pipeline.ts';
import { makeRecording, type Recording } from '../support/recording.ts';
import { expectExactly } from '../support/tables.ts';

type Row = Recording['rows'][number] & { id: string; timestamp: string };

test('a reorg: rows vanish, come back at another time, or appear in seconds long read: the canonical rows are left', async () => {
  const recording = makeRecording({
    events: 2_000,
    seed: 21,
    bursts: 1,
    burstSize: 1_200,
    malformedEvery: 300,
  });
  const late = usable(recording).filter((_, index) => index % 97 === 5);
  const first = { ...recording, rows: recording.rows.filter((row) => !late.includes(row as Row)) };
  const { environment, database, upstream } = await makeWorld(first);
  startWorkersHere(environment);
  await untilComplete(database, without(recording, late), 60_000);

  const settled = usable(first);
  const vanished = settled.filter((_, index) => index % 50 === 7);
  const moved = settled.filter((_, index) => index % 50 === 31);
  const last = Number(settled.at(-1)?.timestamp);
  const inTheirPlace = moved.map((row, index) => ({
    ...row,
    timestamp: String(Math.min(last, Number(row.timestamp) + (index % 2 === 0 ? -7 : 5))),
  }));
  upstream.removeEvents([...vanished, ...moved].map(({ id }) => id));
  upstream.addEvents([...inTheirPlace, ...late]);

  const canonical = withMoved(without(recording, vanished), inTheirPlace);
  await untilCanonical({ database }, canonical);
  await expectExactly(database, canonical);
  expect(await database.rows('SELECT * FROM coverage_gaps')).toEqual([]);
  await expect.poll(() => openMarks(database), { timeout: 20_000 }).toBeGreaterThan(0);
}, 180_000);

test('a reorg is seen also while nothing new is traded and only the chain goes on', async () => {
  const recording = makeRecording({ events: 300, seed: 22, bursts: 0, malformedEvery: 1_000 });
  const { environment, database, upstream } = await makeWorld(recording);
  const start = Date.now();
  const last = upstream.head();
  upstream.head = () => ({ ...last, timestamp: last.timestamp + Math.floor((Date.now() - start) / 1_000) });
  startWorkersHere(environment);
  await untilComplete(database, recording, 60_000);

  const vanished = usable(recording).slice(-20);
  upstream.removeEvents(vanished.map(({ id }) => id));
  const canonical = without(recording, vanished);
  await untilCanonical({ database }, canonical);
  await expectExactly(database, canonical);
}, 180_000);

/** Events that are in the tables; the newest second is left alone, as it is read again with each poll anyway. */
function usable({ rows, expected, to }: Recording): Row[] {
  return (rows as Row[]).filter(
    (row) => expected.orderEvents.has(String(row.id)) && Number(row.timestamp) < to - 1,
  );
}

function without(recording: Recording, rows: readonly Row[]): Recording {
  const ids = new Set(rows.map(({ id }) => id));
  const others = (map: ReadonlyMap<string, string>) => new Map([...map].filter(([id]) => !ids.has(id)));
  const { orderEvents, trades, quarantine } = recording.expected;
  return {
    ...recording,
    rows: recording.rows.filter((row) => !ids.has(String(row['id']))),
    expected: { orderEvents: others(orderEvents), trades: others(trades), quarantine },
  };
}

/** The recording where these events happen at another second. */
function withMoved(recording: Recording, rows: readonly Row[]): Recording {
  const orderEvents = new Map(recording.expected.orderEvents);
  const trades = new Map(recording.expected.trades);
  for (const { id, timestamp } of rows) {
    const event = orderEvents.get(id)?.split('|');
    if (event !== undefined) orderEvents.set(id, event.with(5, timestamp).join('|'));
    const trade = trades.get(id)?.split('|');
    if (trade !== undefined) trades.set(id, trade.with(1, timestamp).join('|'));
  }
  return { ...recording, expected: { ...recording.expected, orderEvents, trades } };
}

async function untilCanonical({ database }: Pick<World, 'database'>, { expected }: Recording): Promise<void> {
  const total = [...expected.orderEvents.values()].reduce((sum, line) => sum + Number(line.split('|')[5]), 0);
  await untilCount(
    database,
    'SELECT sum(toUInt64(toUnixTimestamp(timestamp))) AS n FROM order_events',
    total,
    120_000,
  );
}

async function openMarks(database: World['database']): Promise<number> {
  const rows = await database.rows<{ n: string }>('SELECT count() AS n FROM unsettled_ranges');
  return Number(rows[0]?.n);
}
