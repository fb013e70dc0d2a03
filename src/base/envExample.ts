import { SETTINGS } from './settings.ts';

/** The text of .env.example: every setting, what it is for, and its default, commented out. */
export function envExample(): string {
  const lines = [
    '# Settings of the pipeline. Copy to .env and change what you need; the environment wins over the file.',
    '# Made from src/base/settings.ts by `npm run env-example`.',
  ];
  for (const [name, schema] of Object.entries(SETTINGS)) {
    const [what = '', fallback = ''] = (schema.description ?? '').split('|');
    lines.push('');
    if (what !== '') lines.push(`# ${what}`);
    // A default that is no value (one hour before the first start) is said in words.
    const inWords = /\s/.test(fallback);
    if (inWords) lines.push(`# Default: ${fallback}.`);
    lines.push(`#${name}=${inWords ? '' : fallback}`);
  }
  return `${lines.join('\n')}\n`;
}
