import { isRecord, isUtf8 } from './fields.ts';
import type { Market } from './market.ts';
import { decimal, flag, text, textList, tokenList, utcDate } from './marketFields.ts';

export type ParsedMarket =
  { readonly ok: true; readonly market: Market } | { readonly ok: false; readonly reason: string };

const MAX_ID_LENGTH = 200;
const CONDITION_ID = /^0x(?:[0-9a-f]{62}|[0-9a-f]{64})$/i;

/**
 * One Gamma market object. Malformed only when it is no object or lacks a usable id or condition id; every other
 * field is tolerated in any shape, because old rows have all of them: three outcomes, no tokens, no volume.
 *
 * @returns the market, or a short stable reason that names the field
 */
export function parseMarket(record: unknown): ParsedMarket {
  if (!isRecord(record)) return { ok: false, reason: 'record: not an object' };
  const id = requiredText(record, 'id');
  if (!id.ok) return id;
  const condition = requiredText(record, 'conditionId');
  if (!condition.ok) return condition;
  if (!CONDITION_ID.test(condition.value))
    return { ok: false, reason: 'conditionId: not 31 or 32 bytes of hex' };

  const outcomes = textList(record['outcomes']);
  const tokenIds = tokenList(record['clobTokenIds']);
  const event = firstEvent(record['events']);
  const version = record['version'];
  return {
    ok: true,
    market: {
      id: id.value,
      conditionId: condition.value.toLowerCase(),
      questionId: text(record['questionID']).toLowerCase(),
      question: text(record['question']),
      slug: text(record['slug']),
      groupItemTitle: text(record['groupItemTitle']),
      category: text(record['category']) || text(event['category']),
      answer1: outcomes[0] ?? '',
      answer2: outcomes[1] ?? '',
      token1: tokenIds[0] ?? '',
      token2: tokenIds[1] ?? '',
      outcomes,
      outcomePrices: textList(record['outcomePrices']),
      tokenIds,
      positionIds: tokenList(record['positionIds']),
      version: version === 'v1' || version === 'v2' ? version : '',
      negRisk: flag(record['negRisk']),
      active: flag(record['active']),
      closed: flag(record['closed']),
      archived: flag(record['archived']),
      eventId: text(event['id']),
      eventSlug: text(event['slug']),
      eventTitle: text(event['title']),
      ticker: text(event['ticker']),
      volume: decimal(record['volume']) || decimal(record['volumeNum']),
      liquidity: decimal(record['liquidity']) || decimal(record['liquidityNum']),
      umaResolutionStatus: text(record['umaResolutionStatus']),
      createdAt: utcDate(record['createdAt']),
      updatedAt: utcDate(record['updatedAt']),
      startDate: utcDate(record['startDate']) ?? utcDate(record['startDateIso']),
      endDate: utcDate(record['endDate']) ?? utcDate(record['endDateIso']),
      closedTime: utcDate(record['closedTime']),
    },
  };
}

function requiredText(
  record: Record<string, unknown>,
  field: string,
): { readonly ok: true; readonly value: string } | { readonly ok: false; readonly reason: string } {
  const value = record[field];
  if (typeof value !== 'string') {
    const what = value === undefined ? 'missing' : value === null ? 'null' : 'not a string';
    return { ok: false, reason: `${field}: ${what}` };
  }
  if (value === '') return { ok: false, reason: `${field}: empty` };
  if (value.length > MAX_ID_LENGTH)
    return { ok: false, reason: `${field}: longer than ${MAX_ID_LENGTH} characters` };
  return isUtf8(value) ? { ok: true, value } : { ok: false, reason: `${field}: not UTF-8` };
}

function firstEvent(events: unknown): Record<string, unknown> {
  const first: unknown = Array.isArray(events) ? events[0] : undefined;
  return isRecord(first) ? first : {};
}
