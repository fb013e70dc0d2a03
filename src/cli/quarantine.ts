import { runCommand } from '../base/command.ts';
import { ConfigError } from '../base/errors.ts';
import { CLICKHOUSE_SETTINGS, REDIS_SETTINGS } from '../base/settings.ts';
import { SchemaError } from '../store/migrate.ts';
import type { QuarantineFilter } from '../store/quarantine.ts';
import { checkSchema } from './checks.ts';
import { openDatabase, openQueues, unlessStopped } from './connections.ts';
import { listQuarantine, showQuarantine } from './quarantineList.ts';
import { reportOf, retryQuarantine } from './quarantineRetry.ts';

const LISTED = 30;

await runCommand({
  name: 'quarantine',
  summary:
    'Records that could not be used: lists them by source and reason, shows them, or sends them through the pipeline again.\nWithout an option it lists them. Retrying is of use after an upgrade, or once a table is mended; workers must be running.',
  options: {
    list: { type: 'boolean', help: 'one line for each source and reason, the largest first' },
    show: { type: 'boolean', help: 'the records whole, one JSON object a line' },
    retry: {
      type: 'boolean',
      help: 'sends the records again; what can be used by now leaves the quarantine',
    },
    source: {
      type: 'string',
      value: 'S',
      help: 'only records of this source (goldsky, polygon, gamma, clickhouse.TABLE)',
    },
    reason: { type: 'string', value: 'TEXT', help: 'only records whose reason holds this text' },
    limit: { type: 'string', value: 'N', help: `lines of --list (${LISTED}) or --show (all)` },
  },
  environment: [...REDIS_SETTINGS, ...CLICKHOUSE_SETTINGS],
  run: async (context) => {
    const { args, signal } = context;
    const { source, reason, retry } = args;
    if ([args.list, args.show, retry].filter(Boolean).length > 1)
      throw new ConfigError('--list, --show and --retry do not go together: give one of them.');
    const limit = parseLimit(args.limit);
    if (retry && limit !== undefined) throw new ConfigError('--limit does not go with --retry.');
    const filter: QuarantineFilter = { source, reason };
    const database = openDatabase(context);
    const schema = await checkSchema(database);
    if (!schema.ok) throw new SchemaError(schema.text);
    if (!retry) {
      if (args.show) await showQuarantine(database, filter, limit ?? Infinity, signal);
      else await listQuarantine(database, filter, limit ?? LISTED);
      return 0;
    }

    const { queues } = await openQueues(context, 'quarantine');
    const result = await unlessStopped(context, () => retryQuarantine(database, queues, filter, signal));
    if (result === undefined) {
      console.log('Stopped. What was sent goes on in the workers; the rest stays in quarantine.');
      return 0;
    }
    for (const line of reportOf(result)) console.log(line);
    return result.inFailed > 0 ? 1 : 0;
  },
});

/** @throws ConfigError */
function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new ConfigError(`--limit=${text} is not allowed: it must be a whole number from 1 to 999999999.`);
  return Number(text);
}
