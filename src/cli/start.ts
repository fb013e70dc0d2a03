import { runCommand } from '../base/command.ts';
import { displayUrl } from '../base/config.ts';
import { log } from '../base/log.ts';
import { startInBackground } from './background.ts';
import { startPipeline } from './pipeline.ts';

void runCommand({
  name: 'start',
  summary:
    'Runs the whole pipeline on the live APIs: Redis and ClickHouse (embedded ones where none answer), the schema,\n' +
    'a worker process and the dashboard, each started again when it dies. Runs until it is stopped.',
  options: {
    background: { type: 'boolean', help: 'Returns when all of it is ready; "npm stop" ends it.' },
  },
  async run({ config, args, signal, stopped, onStop, ready }) {
    if (args.background) {
      const { url, logFile } = await startInBackground(config, signal);
      console.log(
        `The pipeline runs in the background. Dashboard: ${url}  Log: ${logFile}  "npm stop" ends it.`,
      );
      return;
    }
    const logger = log('start');
    const pipeline = await startPipeline({ config, log: logger, signal });
    onStop(pipeline.stop);
    logger.info(
      { redis: pipeline.redis, clickhouse: pipeline.clickhouse },
      `Dashboard: ${pipeline.url}  ClickHouse: ${displayUrl(config.clickhouse.url)}  Ctrl-C stops everything.`,
    );
    ready({ url: pipeline.url });
    await stopped;
  },
});
