/**
 * How a status is shown: the text and tone of every place of the page that changes. The server fills the page with
 * it, the page's script refreshes it, so both show the same.
 */

const NUMBERS = new Intl.NumberFormat('en-US');
const UNKNOWN = { text: '–', tone: 'quiet' };
const NOTHING = { text: '', tone: '' };
const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

const MB = 1_000_000;

/** From this share of its bound on the memory of Redis stands out. */
const NEARLY_FULL = 0.8;

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
    cells[`source/${name}/cursor`] = cursor(source);
    cells[`source/${name}/time`] = coveredUpTo(source);
    cells[`source/${name}/lag`] = lag(source);
    cells[`source/${name}/rate`] = rate(source.eventsPerSecond);
    cells[`source/${name}/from`] = coveredFrom(source);
    cells[`source/${name}/gaps`] = gaps(source);
    cells[`source/${name}/recounts`] = recounted(source.recounts);
    cells[`source/${name}/problem`] =
      source.problem === null ? NOTHING : { text: source.problem, tone: 'bad' };
  }
  for (const [name, api] of Object.entries(status.apis)) {
    cells[`api/${name}/state`] = apiState(api);
    cells[`api/${name}/failures`] =
      api.failures > 0 ? { text: `${NUMBERS.format(api.failures)} failed in a row`, tone: 'quiet' } : NOTHING;
    cells[`api/${name}/since`] = api.openSince === null ? NOTHING : { text: utc(api.openSince), tone: '' };
    cells[`api/${name}/probe`] = nextTry(api.nextProbeInSeconds);
    cells[`api/${name}/error`] =
      api.lastError === null ? NOTHING : { text: api.lastError, tone: api.state === 'open' ? 'bad' : 'warn' };
  }
  for (const [name, counts] of Object.entries(status.queues)) {
    for (const [state, jobs] of Object.entries(counts)) {
      cells[`queue/${name}/${state}`] = count(jobs, state === 'failed' ? 'bad' : '');
    }
    const age = status.oldestWaitingSeconds[name] ?? null;
    cells[`queue/${name}/oldest`] =
      age === null ? UNKNOWN : { text: duration(age), tone: age >= 5 * MINUTE ? 'warn' : '' };
  }
  cells['backlog/pages'] = queuedPages(status.backlog);
  cells['backlog/redis'] = redisMemory(status.backlog);
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

/** What was read is there; it is covered once it is final, which may take minutes. */
function lag({ lagSeconds, readLagSeconds }) {
  if (lagSeconds === null) return UNKNOWN;
  const late = readLagSeconds ?? lagSeconds;
  return { text: duration(lagSeconds), tone: late >= VERY_LATE ? 'bad' : late >= LATE ? 'warn' : '' };
}

function coveredUpTo({ cursor: place, cursorTime }) {
  if (cursorTime !== null) return { text: utc(cursorTime), tone: '' };
  return { text: place === '' ? 'nothing yet' : '', tone: 'quiet' };
}

/** Blocks: which are final, and how far the newest ones are read. */
function cursor({ cursor: place, headBlock, readBlock }) {
  if (place === '') return UNKNOWN;
  if (readBlock === null) return { text: place, tone: 'quiet' };
  const head = headBlock === null ? '' : ` of ${headBlock}`;
  return { text: `final to ${Number(place) - 1}, read to ${readBlock}${head}`, tone: 'quiet' };
}

function coveredFrom({ coveredFrom: time, coveredFromBlock: block }) {
  if (time !== null) return { text: `from ${utc(time)}`, tone: 'quiet' };
  return block === null ? NOTHING : { text: `from block ${block}`, tone: 'quiet' };
}

function gaps({ gaps: all, lostGaps }) {
  if (all === null || lostGaps === 0) return count(all);
  return { text: `${NUMBERS.format(all)}, ${NUMBERS.format(lostGaps)} lost`, tone: 'warn' };
}

/** What asking the source again for what is stored has shown. */
function recounted(recounts) {
  if (recounts === null) return UNKNOWN;
  const { events, mismatches } = recounts;
  return mismatches === 0
    ? { text: `${NUMBERS.format(events)} agree`, tone: 'good' }
    : { text: `${NUMBERS.format(mismatches)} of ${NUMBERS.format(events)} differ`, tone: 'bad' };
}

function apiState({ state }) {
  if (state === null) return UNKNOWN;
  return state === 'open' ? { text: 'circuit open', tone: 'bad' } : { text: 'works', tone: 'good' };
}

function nextTry(seconds) {
  if (seconds === null) return NOTHING;
  return { text: seconds === 0 ? 'now' : `in ${duration(seconds)}`, tone: '' };
}

function queuedPages({ pages, bytes, pauseReason }) {
  if (pages === null) return UNKNOWN;
  const text = `${NUMBERS.format(pages)} ${pages === 1 ? 'page' : 'pages'}, ${megabytes(bytes)} MB`;
  return { text, tone: pauseReason === null ? '' : 'bad' };
}

function redisMemory({ redisUsedBytes, redisMaxBytes }) {
  if (redisUsedBytes === null) return UNKNOWN;
  const share = redisUsedBytes / redisMaxBytes;
  const text = `${megabytes(redisUsedBytes)} MB of ${megabytes(redisMaxBytes)} MB`;
  return { text, tone: share >= 1 ? 'bad' : share >= NEARLY_FULL ? 'warn' : '' };
}

function megabytes(bytes) {
  const digits = bytes < 10 * MB ? 1 : 0;
  return (bytes / MB).toLocaleString('en-US', { maximumFractionDigits: digits });
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
