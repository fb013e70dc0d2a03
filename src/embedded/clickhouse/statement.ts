import { ClickHouseException } from './exception.ts';

/** What the server must know of a statement before it runs; everything else is the engine's to judge. */
export interface Statement {
  readonly kind: 'insert' | 'read' | 'other';
  /** The FORMAT it names itself, if any. */
  readonly format: string | undefined;
  /** For an insert with data behind it. */
  readonly insert: InsertShape | undefined;
}

/** Offsets in the text of an insert. */
export interface InsertShape {
  /** Where SETTINGS, FORMAT or VALUES begins, behind the table and its columns; undefined when it has a SELECT. */
  readonly clauses: number | undefined;
  readonly data: number;
}

interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

const SKIP = /(?:\s+|--[^\n]*(?:\n|$)|#[ !][^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))+/y;
const TOKEN =
  /'(?:[^'\\]|\\[\s\S]|'')*'?|"(?:[^"\\]|\\[\s\S]|"")*"?|`(?:[^`\\]|\\[\s\S]|``)*`?|[\p{L}_][\p{L}\p{N}_]*|[\s\S]/uy;
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

/** Words after which a name stands, whatever it is. */
const BEFORE_NAME = /^(INTO|TABLE|FUNCTION|\.)$/;

/** Reads the shape of one statement. @throws ClickHouseException SYNTAX_ERROR for none or several statements. */
export function readStatement(sql: string): Statement {
  let first: string | undefined;
  let insert = false;
  let select = false;
  let reads = false;
  let clauses: number | undefined;
  let format: string | undefined;
  let previous = '';
  let ended = false;
  for (const token of tokens(sql)) {
    if (token.text === ';') {
      ended = true;
      continue;
    }
    if (ended)
      throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Syntax error (Multi-statements are not allowed)');
    first ??= token.text;
    const word = token.depth === 0 && !BEFORE_NAME.test(previous) ? token.text.toUpperCase() : '';
    if (previous === 'FORMAT' && /^[\p{L}_]/u.test(token.text)) {
      format = token.text;
      if (insert && (!select || reads)) {
        return { kind: 'insert', format, insert: { clauses, data: afterNewline(sql, token.end) } };
      }
    }
    if (insert) {
      if (word === 'SELECT' || word === 'WITH') select = true;
      if (select && /^input$/i.test(token.text)) reads = true;
      if (!select && /^(SETTINGS|FORMAT|VALUES)$/.test(word)) clauses ??= token.start;
      if (!select && word === 'VALUES')
        return { kind: 'insert', format: 'Values', insert: { clauses, data: token.end } };
    }
    if (word === 'INSERT' && /^(INSERT|WITH)$/i.test(first)) insert = true;
    previous = token.depth === 0 ? token.text.toUpperCase() : '';
  }
  if (first === undefined) throw new ClickHouseException(62, 'SYNTAX_ERROR', 'Empty query');
  return { kind: insert ? 'insert' : READ.test(first) ? 'read' : 'other', format, insert: undefined };
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
