import express, { type ErrorRequestHandler, type Express } from 'express';
import type { Registry } from 'prom-client';
import type { Config } from '../base/config.ts';
import { oneLine } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Queues } from '../../queues/producer.ts';
import { requireLogin, type Credentials } from './auth.ts';
import { boardRoutes } from './board.ts';
import { refuseCrossSite, requireLocalHost, securityHeaders } from './guards.ts';
import { healthRoutes } from './health.ts';
import { METRICS_CONTENT_TYPE, metricsText } from './metrics.ts';
import { ASSETS, ASSETS_DIR, statusPage } from './page.ts';
import type { ServiceCheck } from './services.ts';
import type { StatusReader } from './status.ts';

export interface AppParts {
  readonly config: Config;
  /** undefined: open to this machine only. */
  readonly credentials: Credentials | undefined;
  readonly queues: Queues;
  readonly redisCheck: ServiceCheck;
  readonly clickhouseCheck: ServiceCheck;
  readonly status: StatusReader;
  readonly processMetrics: Registry;
  readonly logger: Logger;
}

/** Every route of the dashboard, behind its guards; the health checks are open to all. */
export function createApp(parts: AppParts): Express {
  const { config, credentials, status, redisCheck, clickhouseCheck } = parts;
  const app = express();
  app.disable('x-powered-by');
  app.use(securityHeaders);
  app.use(healthRoutes([redisCheck, clickhouseCheck]));
  app.use(credentials === undefined ? requireLocalHost(config.dashboard.host) : requireLogin(credentials));
  app.use(refuseCrossSite);

  app.get('/', async (_request, response) => {
    response
      .set('Cache-Control', 'no-store')
      .type('html')
      .send(statusPage(await status.read()));
  });
  app.get('/api/status', async (_request, response) => {
    response.set('Cache-Control', 'no-store').json(await status.read());
  });
  app.get('/metrics', async (_request, response) => {
    const text = await metricsText(await status.read(), parts.processMetrics);
    response.set({ 'Cache-Control': 'no-store', 'Content-Type': METRICS_CONTENT_TYPE }).send(text);
  });
  for (const name of ASSETS) {
    app.get(`/assets/${name}`, (_request, response) => response.sendFile(name, { root: ASSETS_DIR }));
  }
  app.use(boardRoutes(parts.queues, redisCheck));

  app.use((request, response) => {
    response.status(404).type('text').send(`There is nothing at ${request.path}; the status page is at /\n`);
  });
  app.use(lastResort(parts.logger));
  return app;
}

/** Express tells an error handler by its four parameters. */
function lastResort(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status = 500 } = error as { status?: number };
    if (status >= 500) logger.error({ path: request.path }, oneLine(error));
    response
      .status(status)
      .type('text')
      .send(`${oneLine(error)}\n`);
  };
}
