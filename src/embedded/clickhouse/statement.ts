import { ClickHouseException } from './exception.ts';

/** What the server must know of a statement before it runs; everything else is the engine's to judge. */
export interface Statement {
  readonly kind: 'insert' | 'read' | 'other';
  /** The FORMAT it names itself, if any. */
  readonly format: string | undefined;
  /** For an insert with data behind it: where the data begins (offset in the text). */
  readonly dataOffset: number | undefined;
}

interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

const SKIP = /(?:\s+|--[^\n]*(?:\n|$)|#[ !][^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))+/y;
const TOKEN = /'(?:[^'\\]|\\[\s\S]|'')*'?|"(?:[^"\\]|\\[\s\S]|"")*"?|`(?:[^`\\]|\\[\s\S]|``)*`?|[\p{L}_][\p{L}\p{N}_]*|[\s\S]/uy;
const READ = /^(SELECT|WITH|FROM|\()$/i;

/** The tokens of a statement, one by one, so that reading stops where an insert's data begins. */
function* tokens(sql: string): Generator<Token> {
  let at = 0;
  let depth = 0;
  while (at < sql.length) {
    SKIP.lastIndex = at;
    if (SKIP.test(sql)) at = SKIP.lastIndex;
    if (at >= sql.length) return;
    TOKEN.lastIndex = at;
    const text = TOKEN.exec(sql)?.[0] ?? sql.charAt(at);
    if (text === ')' || text === ']') depth--;
    yield { text, start: at, end: at + text.length, depth };
    if (text === '(' || text === '[') depth++;
    at += text.length;
  }
}

/** Reads the shape of one statement. @throws ClickHouseException SYNTAX_ERROR for none or several statements. */
export function readStatement(sql: string): Statement {
  let first: string | undefined;
  let insert = false;
  let source: 'none' | 'select' | 'input' = 'none';
  let format: string | undefined;
  let previous = '';
  let ended = false;
  for (const token of tokens(sql)) {
    if (ended) {
      if (token.text === ';') continue;
      throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Syntax error (Multi-statements are not allowed)');
    }
    if (token.text === ';') {
      ended = true;
      continue;
    }
    first ??= token.text;
    const word = token.depth === 0 ? token.text.toUpperCase() : '';
    if (word === 'INSERT' && (token.text === first || /^WITH$/i.test(first))) insert = true;
    if (insert && (word === 'SELECT' || word === 'WITH') && source === 'none') source = 'select';
    if (insert && token.text.toLowerCase() === 'input' && source === 'select') source = 'input';
    if (insert && word === 'VALUES' && source === 'none') {
      return { kind: 'insert', format: 'Values', dataOffset: token.end };
    }
    if (previous === 'FORMAT' && /^[\p{L}_]/u.test(token.text)) {
      format = token.text;
      if (insert && source !== 'select') return { kind: 'insert', format, dataOffset: afterNewline(sql, token.end) };
    }
    previous = word;
  }
  if (first === undefined) throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Empty query');
  const kind = insert ? 'insert' : READ.test(first) ? 'read' : 'other';
  return { kind, format, dataOffset: undefined };
}

/** Data begins behind the blanks and the one newline that may follow the format's name. */
function afterNewline(sql: string, at: number): number {
  const gap = /[ \t]*(?:\r?\n)?/y;
  gap.lastIndex = at;
  return at + (gap.exec(sql)?.[0].length ?? 0);
}

/** A single-quoted SQL literal. */
export function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A back-quoted SQL identifier. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}
