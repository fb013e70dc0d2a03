import { positionsOf } from '../base/settings.ts';
import type { Cursor } from '../domain/coverage.ts';
import { formatCount, formatDuration, formatPlace } from './text.ts';

/** How the positions of a source stand in what commands print: times, or blocks. */
export interface PositionText {
  /** Behind the head of a table's column. */
  readonly unit: string;
  /** Behind the last place of a sentence. */
  readonly zone: string;
  /** In a table. */
  readonly cell: (place: Cursor | number) => string;
  /** In a sentence. */
  readonly place: (place: Cursor | number) => string;
  /** So many positions. */
  readonly length: (positions: number) => string;
}

const TIMES: PositionText = {
  unit: '(UTC)',
  zone: ' UTC',
  cell: (place) => formatPlace(toCursor(place)),
  place: (place) => formatPlace(toCursor(place)),
  length: formatDuration,
};

const BLOCKS: PositionText = {
  unit: '(block)',
  zone: '',
  cell: (place) => String(toCursor(place).position),
  place: (place) => `block ${toCursor(place).position}`,
  length: (blocks) => `${formatCount(blocks)} ${blocks === 1 ? 'block' : 'blocks'}`,
};

export function positionText(source: string): PositionText {
  return positionsOf(source) === 'blocks' ? BLOCKS : TIMES;
}

function toCursor(place: Cursor | number): Cursor {
  return typeof place === 'number' ? { position: place, id: '' } : place;
}
