/**
 * How a status is shown: the text and tone of every place of the page that changes. The server fills the page with
 * it, the page's script refreshes it, so both show the same.
 */

const NUMBERS = new Intl.NumberFormat('en-US');
const UNKNOWN = { text: '–', tone: 'quiet' };
const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/** Lags in seconds from which on a source stands out. */
const LATE = 2 * MINUTE;
const VERY_LATE = 30 * MINUTE;

export function viewOf(status) {
  const cells = { headline: headline(status), updated: { text: clock(status.generatedAt), tone: '' } };
  for (const [name, answers] of Object.entries(status.services)) {
    cells[`service/${name}`] = answers
      ? { text: 'answers', tone: 'good' }
      : { text: 'not available', tone: 'bad' };
  }
  for (const [name, rows] of Object.entries(status.tables)) cells[`table/${name}`] = count(rows);
  for (const [name, source] of Object.entries(status.sources)) {
    cells[`source/${name}/cursor`] = source.cursor === '' ? UNKNOWN : { text: source.cursor, tone: 'quiet' };
    cells[`source/${name}/time`] =
      source.cursorTime === null
        ? { text: 'nothing yet', tone: 'quiet' }
        : { text: utc(source.cursorTime), tone: '' };
    cells[`source/${name}/lag`] = lag(source.lagSeconds);
    cells[`source/${name}/rate`] = rate(source.eventsPerSecond);
    cells[`source/${name}/gaps`] = count(source.gaps, 'warn');
    cells[`source/${name}/problem`] =
      source.problem === null ? { text: '', tone: '' } : { text: source.problem, tone: 'bad' };
  }
  for (const [name, counts] of Object.entries(status.queues)) {
    for (const [state, jobs] of Object.entries(counts)) {
      cells[`queue/${name}/${state}`] = count(jobs, state === 'failed' ? 'bad' : '');
    }
    const age = status.oldestWaitingSeconds[name] ?? null;
    cells[`queue/${name}/oldest`] =
      age === null ? UNKNOWN : { text: duration(age), tone: age >= 5 * MINUTE ? 'warn' : '' };
  }
  return { cells, problems: status.problems };
}

function headline({ problems }) {
  if (problems.length === 0) return { text: 'All is well', tone: 'good' };
  return { text: problems.length === 1 ? '1 problem' : `${problems.length} problems`, tone: 'bad' };
}

/** @param tone of a number above zero */
function count(value, tone = '') {
  if (value === null) return UNKNOWN;
  return { text: NUMBERS.format(value), tone: value === 0 ? 'quiet' : tone };
}

function lag(seconds) {
  if (seconds === null) return UNKNOWN;
  return { text: duration(seconds), tone: seconds >= VERY_LATE ? 'bad' : seconds >= LATE ? 'warn' : '' };
}

function rate(eventsPerSecond) {
  if (eventsPerSecond === null) return UNKNOWN;
  const digits = eventsPerSecond < 10 ? 1 : 0;
  return {
    text: `${eventsPerSecond.toLocaleString('en-US', { maximumFractionDigits: digits })} /s`,
    tone: eventsPerSecond === 0 ? 'quiet' : '',
  };
}

/** The two largest units. */
export function duration(seconds) {
  if (seconds < MINUTE) return `${seconds} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ${seconds % MINUTE} s`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  return `${NUMBERS.format(Math.floor(seconds / DAY))} d ${Math.floor((seconds % DAY) / HOUR)} h`;
}

function utc(iso) {
  return `${iso.slice(0, 10)} ${clock(iso)}`;
}

function clock(iso) {
  return `${iso.slice(11, 19)} UTC`;
}
