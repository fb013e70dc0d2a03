import { versionsText } from '../base/exchanges.ts';
import { positionsOf } from '../base/settings.ts';
import { spanLength, type Span } from '../domain/spans.ts';
import type { SourceReport } from '../store/coverageReport.ts';
import type { Mismatch } from '../store/openMismatches.ts';
import type { RecountSummary } from '../store/recounts.ts';
import type { Scope } from '../store/scope.ts';
import { positionText, type PositionText } from './positionText.ts';
import { formatCount, formatTime, textTable } from './text.ts';

/** Lines of each kind that are printed; --json has more. */
const SHOWN = 20;

const WHY_OVERLAPS = {
  seconds: 'The newest second is read again with each poll: overlaps are as it should be.',
  blocks: 'What was taken for lost is read again: overlaps do no harm.',
};

/** How complete a source is. */
export interface SourceCoverage {
  readonly source: string;
  /** Undefined where nothing is covered. */
  readonly report: SourceReport | undefined;
  /** Which exchanges it reads, from which position on, in order. */
  readonly scopes: readonly Scope[];
  /** Order events stored of each stretch of the report. */
  readonly stored: readonly number[];
  /** Of the last 24 hours. */
  readonly recounts: RecountSummary | undefined;
  readonly mismatches: readonly Mismatch[];
}

export interface Verdict {
  readonly complete: boolean;
  readonly verdict: string;
}

/** One line: complete or not, and what to do. */
export function verdictOf({ source, report, recounts, mismatches }: SourceCoverage): Verdict {
  // A start alone covers nothing.
  if (report === undefined || (spanLength(report) === 0 && report.gapCount === 0)) {
    return {
      complete: false,
      verdict: `Nothing of ${source} is covered yet: npm start (or npm run workers) begins the live tail.`,
    };
  }
  const problems: string[] = [];
  const { gapCount, lostGapCount } = report;
  const left = gapCount - lostGapCount;
  if (lostGapCount > 0) {
    problems.push(
      `${count(lostGapCount, 'gap')} (fetched again by itself while workers run; at once: npm run backfill -- --gaps)`,
    );
  }
  if (left > 0) {
    problems.push(`${count(left, 'gap')} left on purpose (to fill: npm run backfill -- --gaps)`);
  }
  const [newest] = mismatches;
  if (newest !== undefined) {
    problems.push(
      `${count(mismatches.length, 'recount')} did not agree (look again: npm run recount -- --source ${source} --from ${newest.from} --to ${newest.to})`,
    );
  }
  const { place, zone } = positionText(source);
  const until = `${place(report.to.position)}${zone}`;
  if (problems.length > 0) {
    return {
      complete: false,
      verdict: `${source} is not complete up to ${until}: ${problems.join('; ')}.`,
    };
  }
  const agree = recounts === undefined ? 'not recounted in the last 24 h' : 'the recounts agree';
  return {
    complete: true,
    verdict: `${source} is complete from ${place(report.from.position)} to ${until}: no gap, ${agree}.`,
  };
}

/** All about a source, for a person. */
export function linesOf(coverage: SourceCoverage): string[] {
  const { source, report, recounts, mismatches } = coverage;
  const positions = positionText(source);
  const { verdict } = verdictOf(coverage);
  if (report === undefined) return [verdict];
  return [
    stretchTable(coverage, report),
    '',
    ...scopeLines(coverage),
    ...gapLines(report, positions),
    `Overlaps: ${count(report.overlappingRanges, 'range')} of ${formatCount(report.ranges)}, ${positions.length(report.coveredAgain)} more than once. ${WHY_OVERLAPS[positionsOf(source)]}`,
    `Still read again, in case of a reorg: ${count(report.unsettledRanges, 'range')}.`,
    recountLine(recounts),
    ...shown(mismatches, (one) => `Recount that did not agree: ${mismatchText(one, positions)}`),
    '',
    verdict,
  ];
}

function stretchTable({ source, stored }: SourceCoverage, report: SourceReport): string {
  const { cell, length, unit } = positionText(source);
  const rows = report.stretches
    .slice(0, SHOWN)
    .map((stretch, index) => [
      source,
      cell(stretch.from),
      cell(stretch.to),
      length(spanLength(stretch)),
      formatCount(stored[index] ?? 0),
      formatCount(stretch.events),
      formatCount(stretch.quarantined),
      formatCount(stretch.ranges),
    ]);
  const numbers = ['events stored', 'read', 'quarantined', 'ranges'];
  const table = textTable(['source', `covered from ${unit}`, 'to', 'length', ...numbers], rows, numbers);
  const hidden = report.gapCount + 1 - rows.length;
  return hidden > 0 ? `${table}\n... and ${formatCount(hidden)} more stretches` : table;
}

/** Nothing where a source has not begun. */
function scopeLines({ source, scopes }: SourceCoverage): string[] {
  if (source === 'goldsky') return [`${source} reads the V1 exchanges.`];
  const changes = scopes.filter(
    ({ exchanges }, index) => exchanges.join() !== scopes[index - 1]?.exchanges.join(),
  );
  const texts = changes.map(
    ({ from, exchanges }) =>
      `${count(exchanges.length, 'exchange')} (${versionsText(exchanges)}) from ${positionText(source).place(from)} on`,
  );
  return texts.length === 0 ? [] : [`${source} reads ${texts.join(', ')}.`];
}

function gapLines({ gaps, gapCount }: SourceReport, positions: PositionText): string[] {
  const lines = shown(gaps, (gap) => {
    const why = gap.leftOnPurpose ? 'left on purpose: reading was told to begin behind it' : 'lost';
    return `Gap: ${spanText(gap, positions)}, ${why}.`;
  });
  return gapCount === 0 ? ['Gaps: none.'] : [...lines, ...more(gapCount - Math.min(gaps.length, SHOWN))];
}

function recountLine(recounts: RecountSummary | undefined): string {
  if (recounts === undefined) return 'Recounts in the last 24 h: none (npm run recount).';
  const { lastAt, events, mismatches } = recounts;
  const last = formatTime(lastAt / 1000);
  return `Recounts in the last 24 h: ${formatCount(recounts.recounts)} of ${formatCount(events)} events, ${formatCount(mismatches)} of them not as stored; the last at ${last}.`;
}

function mismatchText(
  { from, to, missing, unexpected, different }: Mismatch,
  { place }: PositionText,
): string {
  return `${place(from)} → ${place(to)}: ${missing} were missing (and written then), ${unexpected} unexpected, ${different} different.`;
}

function spanText(span: Span, { place, length }: PositionText): string {
  return `${place(span.from)} → ${place(span.to)} (${length(spanLength(span))})`;
}

function shown<T>(items: readonly T[], toLine: (item: T) => string): string[] {
  return items.slice(0, SHOWN).map(toLine);
}

function more(hidden: number): string[] {
  return hidden > 0 ? [`... and ${formatCount(hidden)} more`] : [];
}

function count(value: number, what: string): string {
  return `${formatCount(value)} ${what}${value === 1 ? '' : 's'}`;
}
