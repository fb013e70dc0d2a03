const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^(${NAME})(\\{${LABEL}(?:,${LABEL})*\\})? (\\S+)(?: \\d+)?$`);
const COMMENT = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`);
const SUFFIXES = /_(bucket|sum|count)$/;

/**
 * The samples of a Prometheus text by `name{labels}`. Strict: HELP and TYPE once a family and before its samples, a
 * family in one piece, no sample twice, every value a number, a newline at the end.
 */
export function parseExposition(text: string): Map<string, number> {
  if (!text.endsWith('\n')) throw new Error('no newline at the end');
  const samples = new Map<string, number>();
  const said = new Set<string>();
  const types = new Map<string, string>();
  let current = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const comment = COMMENT.exec(line);
    if (comment !== null) {
      const [, kind = '', family = '', rest = ''] = comment;
      if (said.has(`${kind} ${family}`)) throw new Error(`${kind} of ${family} twice`);
      if (family !== current && types.has(family)) throw new Error(`${family} is in two pieces`);
      said.add(`${kind} ${family}`);
      if (kind === 'TYPE') types.set(family, rest);
      current = family;
      continue;
    }
    const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
    if (name === '') throw new Error(`not a line of the format: ${line}`);
    const type = types.get(current);
    const family = type === 'histogram' || type === 'summary' ? name.replace(SUFFIXES, '') : name;
    if (family !== current || type === undefined) throw new Error(`${name} is outside its family`);
    if (samples.has(name + labels)) throw new Error(`${name}${labels} twice`);
    const number = { '+Inf': Infinity, '-Inf': -Infinity, NaN }[value] ?? Number(value);
    if (Number.isNaN(number) && value !== 'NaN') throw new Error(`${name} has the value ${value}`);
    samples.set(name + labels, number);
  }
  return samples;
}
