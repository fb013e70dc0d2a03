import type { Random } from '../../src/simulator/random.ts';
import { strangeText, strangeValue, stringify, type Json } from './json.ts';

type Holder = Json[] | Record<string, Json>;
/** A place in a JSON value. */
type Node = readonly [parent: Holder, key: string | number];

const STRANGE_KEYS = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  'ID',
  'id ',
  'length',
  'error',
];

const HUGE = 'y'.repeat(300_000);

/** Changes any one value of the holder's, from the root down to a single field. */
export function changeAnywhere(random: Random, holder: { root: Json }): string {
  const nodes: Node[] = [];
  const walk = [holder] as Holder[];
  for (let next = walk.pop(); next !== undefined; next = walk.pop()) {
    for (const [key, value] of Object.entries(next)) {
      nodes.push([next, Array.isArray(next) ? Number(key) : key]);
      if (typeof value === 'object' && value !== null) walk.push(value);
    }
  }
  const [parent, key] = random.pick(nodes);
  const value = get(parent, key);
  const put = (made: Json) => set(parent, key, made);
  const kinds: readonly (readonly [string, () => void])[] = [
    ['strange text', () => put(strangeText(random))],
    ['strange value', () => put(strangeValue(random))],
    ['strange value', () => put(strangeValue(random))],
    ['huge text', () => put(random.chance(0.1) ? HUGE : 'z'.repeat(1_000))],
    [
      'of another type',
      () =>
        put(typeof value === 'string' ? Number(value) : typeof value === 'number' ? String(value) : [value]),
    ],
    ['in a list', () => put([value])],
    ['as text', () => put(stringify(value))],
    ['left out', () => remove(parent, key)],
    [
      'twice',
      () => (Array.isArray(parent) ? parent.splice(Number(key), 0, value) : (parent[`${key}2`] = value)),
    ],
    ['under another name', () => rename(parent, key, random.pick(STRANGE_KEYS))],
    ['upper-case', () => put(typeof value === 'string' ? value.toUpperCase() : value)],
    ['swapped', () => swap(random, nodes, [parent, key])],
  ];
  const [what, change] = random.pick(kinds);
  change();
  return `${String(key)} ${what}`;
}

function remove(parent: Holder, key: string | number): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}

function rename(parent: Holder, key: string | number, name: string): void {
  if (Array.isArray(parent)) return;
  const value = get(parent, key);
  delete parent[key];
  set(parent, name, value);
}

function swap(random: Random, nodes: readonly Node[], [parent, key]: Node): void {
  const [other, otherKey] = random.pick(nodes);
  const value = get(parent, key);
  const otherValue = get(other, otherKey);
  // Of values in each other the swap would make a circle.
  if (typeof value === 'object' || typeof otherValue === 'object') return;
  set(parent, key, otherValue);
  set(other, otherKey, value);
}

function get(holder: Holder, key: string | number): Json {
  return (holder as Record<string, Json>)[key] ?? null;
}

/** As JSON.parse would: as a field of its own, also where it is called __proto__. */
function set(holder: Holder, key: string | number, value: Json): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}
