import type { Target } from '../fault.ts';
import { ignoresCursor, only, troublesOf } from './api.ts';

const API = only('gamma');

export const GAMMA: Target = {
  name: 'gamma',
  everyS: 12,
  kinds: [...troublesOf(API), ignoresCursor(API)],
};
