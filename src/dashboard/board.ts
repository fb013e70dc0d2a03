import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { AppViewRoute, BeforeHook } from '@bull-board/api/typings/app';
import { ExpressAdapter } from '@bull-board/express';
import { Router } from 'express';
import { CATALOGUE, QUEUE_NAMES } from '../../queues/catalogue.ts';
import type { Queues } from '../../queues/producer.ts';
import { brief, refusedData, shownData } from './boardView.ts';
import type { ServiceCheck } from './services.ts';

export const BOARD_PATH = '/admin/queues';

/** The board's page of one queue, on its failed jobs. */
export function failedJobsPath(queue: string): string {
  return `${BOARD_PATH}/queue/${encodeURIComponent(queue)}?status=failed`;
}

/** The page as it is delivered, less its fonts from another site: they would give visits away, and hang offline. */
class OwnFilesAdapter extends ExpressAdapter {
  constructor() {
    super();
    this.app.disable('x-powered-by');
  }

  override setEntryRoute(view: AppViewRoute): this {
    this.app.get(view.route, (_request, response, next) => {
      const { name, params } = view.handler({ basePath: this.basePath, uiConfig: this.uiConfig });
      response.render(name, params, (error: Error | null, html?: string) => {
        if (html === undefined) next(error);
        else response.send(html.replaceAll(/<link[^>]+href="https?:[^>]*>/g, ''));
      });
    });
    return this;
  }
}

/** Bull Board over every queue of the catalogue. */
export function boardRoutes(queues: Queues, redisCheck: ServiceCheck): Router {
  const adapter = new OwnFilesAdapter();
  adapter.setBasePath(BOARD_PATH);
  createBullBoard({
    queues: QUEUE_NAMES.map((name) => {
      const queue = new BullMQAdapter(queues.get(name), {
        description: CATALOGUE[name].description,
        delimiter: '.',
        readOnlyMode: false,
        allowRetries: true,
      });
      queue.setFormatter('data', (data: unknown) => shownData(name, data));
      queue.setFormatter('returnValue', (value: unknown) => brief(value));
      queue.setFormatter('progress', (value: unknown) => brief(value));
      return queue;
    }),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: 'Polymarket pipeline',
        favIcon: { default: '/assets/icon.svg', alternative: '/assets/icon.svg' },
        miscLinks: [
          { text: 'Status page', url: '/' },
          { text: 'Metrics', url: '/metrics' },
        ],
        hideDocsLink: true,
        overview: { groupByDelimiter: true },
        showMetrics: true,
      },
      handlerHooks: { before: checkData },
    },
  });

  const router = Router();
  router.use(`${BOARD_PATH}/api`, async (_request, response, next) => {
    // Commands wait for Redis without end; the board should say that it is away instead.
    const message = await redisCheck.problem();
    if (message === undefined) next();
    else response.status(503).json({ error: { key: 'ERRORS.INTERNAL_SERVER_ERROR' }, message });
  });
  router.use(BOARD_PATH, adapter.getRouter() as Router);
  return router;
}

/** Data typed in on the board has to be what the queue's workers take. */
const checkData: BeforeHook = ({ route, request }) => {
  const body = (request.body ?? {}) as { data?: unknown; jobData?: unknown };
  const given = route.endsWith('/add')
    ? body.data
    : route.endsWith('/update-data')
      ? body.jobData
      : undefined;
  if (given === undefined) return;
  const message = refusedData(String(request.params['queueName']), given);
  return message === undefined ? undefined : { allow: false, status: 400, message };
};
