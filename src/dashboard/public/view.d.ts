import type { Status } from '../status.ts';

export interface Cell {
  readonly text: string;
  /** How it stands out; '' not at all. */
  readonly tone: '' | 'quiet' | 'good' | 'warn' | 'bad';
}

export function viewOf(status: Status): {
  /** By the `data-cell` of the element that shows it. */
  readonly cells: Readonly<Record<string, Cell>>;
  readonly problems: readonly string[];
};

/** Seconds as people say them: the two largest units. */
export function duration(seconds: number): string;
