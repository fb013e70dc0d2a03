import { runCommand } from '../base/command.ts';
import { CLICKHOUSE_SETTINGS, REDIS_SETTINGS } from '../base/settings.ts';
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
    ...REDIS_SETTINGS,
    ...CLICKHOUSE_SETTINGS,
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
