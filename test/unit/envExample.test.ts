import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { envExample } from '../../src/base/envExample.ts';

test('.env.example says what the settings say', () => {
  const file = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
  expect(file).toBe(envExample());
});
