import { runCommand } from '../base/command.ts';
import { displayUrl } from '../base/config.ts';
import { CLICKHOUSE_SETTINGS } from '../base/settings.ts';
import { Database } from '../store/clickhouse.ts';
import { migrate } from '../store/migrate.ts';

await runCommand({
  name: 'schema',
  summary:
    'Applies the numbered SQL in schema/ that the database does not have yet. Running it again changes nothing.',
  environment: CLICKHOUSE_SETTINGS,
  run: async ({ config }) => {
    const database = new Database(config.clickhouse);
    try {
      const applied = await migrate(database);
      const where = `${config.clickhouse.database} at ${displayUrl(config.clickhouse.url)}`;
      console.log(
        applied.length === 0
          ? `The schema of ${where} is up to date.`
          : `Applied to ${where}: ${applied.join(', ')}.`,
      );
    } finally {
      await database.close();
    }
  },
});
