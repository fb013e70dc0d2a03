import { runCommand } from '../base/command.ts';
import { startDashboard } from './server.ts';

void runCommand({
  name: 'dashboard',
  summary:
    'Serves the status page, the job board (/admin/queues), /api/status, /metrics, /healthz and /readyz.',
  environment: [
    'DASHBOARD_HOST',
    'DASHBOARD_PORT',
    'DASHBOARD_USER',
    'DASHBOARD_PASSWORD',
    'REDIS_URL',
    'REDIS_HOST',
    'REDIS_PORT',
    'REDIS_PASSWORD',
    'REDIS_PREFIX',
    'CLICKHOUSE_URL',
    'CLICKHOUSE_HOST',
    'CLICKHOUSE_PORT',
    'CLICKHOUSE_DATABASE',
    'CLICKHOUSE_USER',
    'CLICKHOUSE_PASSWORD',
    'ORDER_SOURCES',
    'LOG_LEVEL',
  ],
  async run({ config, stopped, onStop, ready }) {
    const dashboard = await startDashboard(config);
    onStop(dashboard.stop);
    ready({ url: dashboard.url });
    await stopped;
  },
});
