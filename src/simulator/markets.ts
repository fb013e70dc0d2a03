import { hash32, mix, Random, tokenId, unit } from './random.ts';
import { COINS, CONTESTS, DEEDS, PARTIES, PLACES, TEAMS } from './vocabulary.ts';

/** The first second there can be markets: the first fill of the V1 exchange. */
export const EPOCH = 1_668_988_800;
/** Markets are created in slots of this many seconds; a slot has this many ids. */
export const SLOT_SECONDS = 300;
const IDS_PER_SLOT = 16;
const FIRST_ID = 240_000;
const DAY = 86_400;
/** A new long-lived event (a question or a group of questions) comes once an hour. */
const SLOTS_PER_EVENT = 12;
/** No long-lived event runs longer. */
export const LONGEST_LIFE = 30 * DAY;

export type MarketKind = 'updown' | 'question' | 'sports' | 'group' | 'threeWay';

/** A market without anything that changes in time. Times are unix seconds. */
export interface MarketSpec {
  readonly id: number;
  readonly kind: MarketKind;
  readonly question: string;
  readonly slug: string;
  readonly conditionId: string;
  readonly outcomes: readonly string[];
  readonly tokenIds: readonly string[];
  /** '' before there were versions: in an exchange without a cutover. */
  readonly version: '' | 'v1' | 'v2';
  /** The tokens of a v2 market on its own ledger; none for others. */
  readonly positionIds: readonly string[];
  readonly eventId: number;
  readonly eventTitle: string;
  readonly eventSlug: string;
  readonly groupItem: string;
  readonly negRisk: boolean;
  readonly createdAt: number;
  /** From when the market API shows it. */
  readonly listedAt: number;
  /** First and last second of trading. */
  readonly opensAt: number;
  readonly endsAt: number;
  /** From when the market API shows it closed and resolved. */
  readonly resolvedAt: number;
  /** Index of the outcome that wins. */
  readonly winner: number;
  /** Where the price starts: the chance of the first outcome. */
  readonly startPrice: number;
  /** Thousandths of a dollar. */
  readonly tick: 10 | 1;
  /** What will have been traded in the end, in dollars. */
  readonly finalVolume: number;
  /** Key of its price path. */
  readonly key: number;
}

export interface MarketOptions {
  readonly seed: number;
  /** Share of markets that the market API lists only `listingDelaySeconds` after trading in them has begun. */
  readonly lateListingShare: number;
  readonly listingDelaySeconds: number;
  /** First unix second in which the V2 exchanges trade, and V1 no more; never if undefined. */
  readonly cutover?: number | undefined;
  /** Share of the markets (outside groups) that are version v2: traded on ExchangeV3 after the cutover. */
  readonly v3Share: number;
}

export function slotOf(second: number): number {
  return Math.floor((second - EPOCH) / SLOT_SECONDS);
}

function idOf(slot: number, place: number): number {
  return FIRST_ID + slot * IDS_PER_SLOT + place;
}

/** The last second of trading in the 5-minute markets created in a slot. */
export function upDownEnd(slot: number): number {
  return EPOCH + slot * SLOT_SECONDS + DAY + SLOT_SECONDS - 1;
}

/** The 5-minute markets of a slot, one a coin: created in it, traded in the window a day later. */
export function upDownMarkets(options: MarketOptions, slot: number): MarketSpec[] {
  const windowStart = EPOCH + slot * SLOT_SECONDS + DAY;
  const window = windowText(windowStart);
  return COINS.map((coin, place) => {
    const slug = `${coin.ticker}-updown-5m-${windowStart}`;
    const question = `${coin.name} Up or Down - ${window}`;
    return market(options, slot, place, {
      kind: 'updown',
      question,
      slug,
      outcomes: ['Up', 'Down'],
      eventId: idOf(slot, place),
      eventTitle: question,
      eventSlug: slug,
      groupItem: '',
      negRisk: false,
      opensAt: windowStart - SLOT_SECONDS,
      endsAt: upDownEnd(slot),
      startPrice: 0.5,
      tick: 10,
      medianVolume: 40_000 / (place + 1),
    });
  });
}

/** True for the slots in which a long-lived event is created. */
export function hasEvent(slot: number): boolean {
  return slot >= 0 && slot % SLOTS_PER_EVENT === 0;
}

/** The markets of the long-lived event created in the slot; see {@link hasEvent}. */
export function eventMarkets(options: MarketOptions, slot: number): MarketSpec[] {
  const random = new Random(options.seed, mix(slot, 7));
  const createdAt = EPOCH + slot * SLOT_SECONDS;
  const life = Math.min(LONGEST_LIFE, Math.max(3 * 3600, Math.round(random.lognormal(4 * DAY, 1.2))));
  const opensAt = createdAt + 3600;
  const endsAt = createdAt + life - 1;
  const place = random.pick(PLACES);
  const date = new Date(endsAt * 1000).toISOString().slice(0, 10);
  const event = { eventId: idOf(slot, COINS.length), opensAt, endsAt };
  const draw = random.next();
  if (draw < 0.35) {
    const size = 3 + random.below(6);
    const contest = random.pick(CONTESTS);
    const title = `Who will ${contest} in ${place}?`;
    const weights = Array.from({ length: size }, (_, i) => (0.5 + random.next()) / (i + 1));
    const sum = weights.reduce((a, b) => a + b, 0);
    const winner = random.below(size);
    return weights.map((weight, i) => {
      const party = PARTIES[i] ?? 'Other';
      const question = `Will ${party} ${contest} in ${place} by ${date}?`;
      return market(options, slot, COINS.length + i, {
        ...event,
        kind: 'group',
        question,
        slug: slugOf(question, slot),
        outcomes: ['Yes', 'No'],
        eventTitle: title,
        eventSlug: slugOf(title, slot),
        groupItem: party,
        negRisk: true,
        startPrice: weight / sum,
        winner: i === winner ? 0 : 1,
        tick: 1,
        medianVolume: 150_000 / (i + 1),
      });
    });
  }
  const teams = [random.pick(TEAMS.slice(0, 8)), random.pick(TEAMS.slice(8))];
  const kind = draw < 0.6 ? 'sports' : draw < 0.64 ? 'threeWay' : 'question';
  const question =
    kind === 'question'
      ? `Will ${place} ${random.pick(DEEDS)} by ${date}?`
      : `${teams.join(' vs. ')} ${date}`;
  return [
    market(options, slot, COINS.length, {
      ...event,
      kind,
      question,
      slug: slugOf(question, slot),
      outcomes: kind === 'question' ? ['Yes', 'No'] : kind === 'sports' ? teams : [...teams, 'Draw'],
      eventTitle: question,
      eventSlug: slugOf(question, slot),
      groupItem: '',
      negRisk: false,
      startPrice: 0.1 + 0.8 * random.next(),
      tick: random.chance(0.3) ? 1 : 10,
      medianVolume: 60_000,
    }),
  ];
}

type Given = Omit<
  MarketSpec,
  | 'id'
  | 'conditionId'
  | 'tokenIds'
  | 'version'
  | 'positionIds'
  | 'createdAt'
  | 'listedAt'
  | 'resolvedAt'
  | 'winner'
  | 'finalVolume'
  | 'key'
> & { readonly medianVolume: number; readonly winner?: number };

function market(options: MarketOptions, slot: number, place: number, given: Given): MarketSpec {
  const { medianVolume, ...spec } = given;
  const id = idOf(slot, place);
  const random = new Random(options.seed, mix(id, 11));
  const createdAt = EPOCH + slot * SLOT_SECONDS + place;
  const late = random.chance(options.lateListingShare);
  const conditionId = hash32(options.seed, 'condition', id);
  const isV2 = !spec.negRisk && unit(options.seed, id, 37) < options.v3Share;
  const version = options.cutover === undefined ? '' : isV2 ? 'v2' : 'v1';
  return {
    ...spec,
    id,
    conditionId,
    tokenIds: spec.outcomes.map((_, i) => tokenId(options.seed, 'token', id, i)),
    version,
    positionIds: version === 'v2' ? positionIds(BINARY_MODULE, conditionId, spec.outcomes.length) : [],
    createdAt,
    listedAt: late ? spec.opensAt + options.listingDelaySeconds : createdAt,
    resolvedAt: spec.endsAt + 30 + random.below(240),
    winner: spec.winner ?? (random.chance(spec.startPrice) ? 0 : 1),
    finalVolume: random.lognormal(medianVolume, 1.3),
    key: mix(options.seed, id, 13),
  };
}

const BINARY_MODULE = '01';

/** Ids on the ledger of v2 markets: the module's byte, 30 bytes of the condition, the outcome's byte. */
export function positionIds(module: string, conditionId: string, outcomes: number): string[] {
  const prefix = `0x${module}${conditionId.slice(2, 62)}`;
  return Array.from({ length: outcomes }, (_, i) =>
    BigInt(prefix + i.toString(16).padStart(2, '0')).toString(),
  );
}

function slugOf(text: string, slot: number): string {
  return `${text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '')}-${slot}`;
}

const DAY_NAME = new Intl.DateTimeFormat('en-US', { month: 'long', day: 'numeric', timeZone: 'UTC' });

/** As in "July 24, 3:05PM-3:10PM ET", in UTC. */
function windowText(start: number): string {
  return `${DAY_NAME.format(start * 1000)}, ${clock(start)}-${clock(start + SLOT_SECONDS)} UTC`;
}

function clock(second: number): string {
  const minutes = Math.floor(second / 60) % 1440;
  const hour = Math.floor(minutes / 60);
  const text = `${hour % 12 === 0 ? 12 : hour % 12}:${String(minutes % 60).padStart(2, '0')}`;
  return `${text}${hour < 12 ? 'AM' : 'PM'}`;
}
