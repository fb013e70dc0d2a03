import { AppError, oneLine } from '../base/errors.ts';
import { CATALOGUE, type QueueName } from '../../queues/catalogue.ts';
import { checkPayload } from '../../queues/producer.ts';

/** Beyond these a value is described, not shown. */
const MOST_TEXT = 300;
const MOST_ITEMS = 20;
const MOST_DEPTH = 4;

/** What the board shows of a job's data: the queue's own summary, never the pages and rows themselves. */
export function shownData(name: QueueName, data: unknown): unknown {
  const summary: (payload: never) => Record<string, unknown> = CATALOGUE[name].summary;
  try {
    return brief(summary(data as never));
  } catch {
    // Data of another shape: somebody added it by hand, or an older version did.
    return brief(data);
  }
}

/** The value with everything long in it cut or counted. */
export function brief(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') {
    return value.length <= MOST_TEXT ? value : `${value.slice(0, MOST_TEXT)}… (${value.length} characters)`;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  if (depth >= MOST_DEPTH) return Array.isArray(value) ? `${value.length} items` : `${entries.length} fields`;
  if (Array.isArray(value)) {
    if (value.length > MOST_ITEMS) return `${value.length} items`;
    return value.map((item) => brief(item, depth + 1));
  }
  const shown = entries.slice(0, MOST_ITEMS).map(([key, item]) => [key, brief(item, depth + 1)] as const);
  const rest = entries.length - shown.length;
  return Object.fromEntries(rest === 0 ? shown : [...shown, ['…', `${rest} more fields`]]);
}

/**
 * Why this data must not be saved as a job of the queue; undefined when it may. The board offers its summary for
 * editing: saved, it would replace the page the job carries.
 */
export function refusedData(name: string, data: unknown): string | undefined {
  if (!Object.hasOwn(CATALOGUE, name)) return undefined;
  try {
    checkPayload(name as QueueName, data);
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${oneLine(error)}. The board shows a summary of the data, which cannot be saved in its place.`;
  }
}
