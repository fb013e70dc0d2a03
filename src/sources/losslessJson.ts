/** Deeper nesting is never data, and JSON.stringify ends at some thousand levels. */
const MAX_DEPTH = 100;
const NUMBER = /-?\d[\d.eE+-]*/y;

/**
 * JSON.parse that loses nothing and gives nothing that cannot be written again: a number that no JavaScript number holds
 * (1e400, an integer of 20 digits) comes as `{"number": "1e400"}`, what is nested deeper than 100 levels as
 * `{"json": "[[…"}`. A field that has to be text is neither, so its record is malformed, and kept as it came.
 * @throws SyntaxError
 */
export function parseLossless(text: string): unknown {
  const parsed: unknown = JSON.parse(text);
  return hasLosses(parsed) ? JSON.parse(withoutLosses(text)) : parsed;
}

/** Whether something in it is nested too deep, or a number that may have been another one in the text. */
function hasLosses(value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return !(Math.abs(value) <= Number.MAX_SAFE_INTEGER);
  if (typeof value !== 'object' || value === null) return false;
  if (depth >= MAX_DEPTH) return true;
  if (Array.isArray(value)) return value.some((inner) => hasLosses(inner, depth + 1));
  // Parsed JSON has no inherited fields; Object.values would make a list of each record's.
  for (const name in value) {
    const inner = (value as Record<string, unknown>)[name];
    if (typeof inner !== 'string' && hasLosses(inner, depth + 1)) return true;
  }
  return false;
}

/** @param text valid JSON */
function withoutLosses(text: string): string {
  const parts: string[] = [];
  let done = 0;
  let depth = 0;
  const replace = (from: number, to: number, name: 'number' | 'json') => {
    parts.push(text.slice(done, from), `{"${name}":${JSON.stringify(text.slice(from, to))}}`);
    done = to;
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === '"') at = endOfString(text, at);
    else if (char === ']' || char === '}') depth--;
    else if (char === '[' || char === '{') {
      depth++;
      if (depth > MAX_DEPTH) {
        const end = endOfNested(text, at);
        replace(at, end + 1, 'json');
        at = end;
        depth--;
      }
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      NUMBER.lastIndex = at;
      const digits = NUMBER.exec(text)?.[0] ?? char;
      if (!isHeld(digits)) replace(at, at + digits.length, 'number');
      at += digits.length - 1;
    }
  }
  return parts.join('') + text.slice(done);
}

function isHeld(digits: string): boolean {
  const number = Number(digits);
  return Number.isFinite(number) && (!/^-?\d+$/.test(digits) || Number.isSafeInteger(number));
}

/** Where the string that begins here ends: the place of its closing quote. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"' || at >= text.length) return at;
  }
}

/** Where the array or object that begins here ends: the place of its closing bracket. */
function endOfNested(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === '"') at = endOfString(text, at);
    else if (char === '[' || char === '{') depth++;
    else if ((char === ']' || char === '}') && --depth === 0) return at;
  }
  return text.length - 1;
}
