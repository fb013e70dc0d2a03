/** Words the generated markets are named with. Places, teams and offices only: no persons. */

export interface Coin {
  readonly name: string;
  readonly ticker: string;
}

/** Most traded first. */
export const COINS: readonly Coin[] = [
  { name: 'Bitcoin', ticker: 'btc' },
  { name: 'Ethereum', ticker: 'eth' },
  { name: 'Solana', ticker: 'sol' },
  { name: 'XRP', ticker: 'xrp' },
  { name: 'Dogecoin', ticker: 'doge' },
  { name: 'BNB', ticker: 'bnb' },
  { name: 'Hyperliquid', ticker: 'hype' },
];

export const TEAMS = [
  'Lakers',
  'Celtics',
  'Warriors',
  'Knicks',
  'Bulls',
  'Heat',
  'Nuggets',
  'Suns',
  'Arsenal',
  'Liverpool',
  'Chelsea',
  'Juventus',
  'Bayern',
  'Ajax',
  'Porto',
  'Benfica',
] as const;

export const PLACES = [
  'Ohio',
  'Georgia',
  'Arizona',
  'Nevada',
  'Michigan',
  'Norway',
  'Portugal',
  'Japan',
  'Chile',
  'Kenya',
  'Ireland',
  'Peru',
  'Poland',
  'Canada',
  'Iceland',
  'Uruguay',
] as const;

export const DEEDS = [
  'raise its minimum wage',
  'sign a trade agreement',
  'hold a snap election',
  'cut its interest rate',
  'pass the budget',
  'launch a satellite',
  'host the next summit',
  'change its tariff on steel',
] as const;

export const CONTESTS = [
  'win the governor election',
  'win the league',
  'host the finals',
  'top the medal table',
  'win the song contest',
] as const;

export const PARTIES = ['Blue', 'Red', 'Green', 'Yellow', 'Orange', 'White', 'Purple', 'Grey'] as const;
