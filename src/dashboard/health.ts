import { Router } from 'express';
import type { ServiceCheck } from './services.ts';

/** `/healthz`: this process lives. `/readyz`: it has what it needs. Both say why not in one line. */
export function healthRoutes(checks: readonly ServiceCheck[]): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    response.type('text').set('Cache-Control', 'no-store').send('ok\n');
  });
  router.get('/readyz', async (_request, response) => {
    const problems = (await Promise.all(checks.map((check) => check.problem()))).flatMap((p) => p ?? []);
    response
      .status(problems.length === 0 ? 200 : 503)
      .type('text')
      .set('Cache-Control', 'no-store')
      .send(`${problems.length === 0 ? 'ok' : problems.join(' ')}\n`);
  });
  return router;
}
