import { runCommand } from '../base/command.ts';
import { displayUrl } from '../base/config.ts';
import { log } from '../base/log.ts';
import { probeClickHouse, probeRedis, type Answer } from '../embedded/probe.ts';
import { startServices, type Origin } from '../embedded/services.ts';

function describe(name: string, url: string, origin: Origin, answer: Answer): string {
  const answers = answer === 'service' ? '' : ' (does not answer)';
  return `${name.padEnd(10)}  ${displayUrl(url)}  ${origin}${answers}`;
}

void runCommand({
  name: 'services',
  summary:
    'Starts the embedded Redis and ClickHouse, each only if nothing answers at its URL, and runs them until it is stopped.',
  environment: [
    'REDIS_URL',
    'REDIS_HOST',
    'REDIS_PORT',
    'REDIS_PASSWORD',
    'CLICKHOUSE_URL',
    'CLICKHOUSE_HOST',
    'CLICKHOUSE_PORT',
    'CLICKHOUSE_USER',
    'CLICKHOUSE_PASSWORD',
    'EMBEDDED',
    'DATA_DIR',
    'LOG_LEVEL',
  ],
  async run({ config, signal, stopped, onStop, ready }) {
    const services = await startServices(config, { log: log('services'), dataDir: config.dataDir, signal });
    onStop(() => services.supervisor.stop());
    const { redis, clickhouse } = config;
    console.log(describe('Redis', redis.url, services.redis, await probeRedis(redis.url)));
    console.log(
      describe('ClickHouse', clickhouse.url, services.clickhouse, await probeClickHouse(clickhouse.url)),
    );
    if (services.redis === 'external' && services.clickhouse === 'external') {
      console.log('Both are external: nothing to run here.');
      return;
    }
    ready();
    await stopped;
  },
});
