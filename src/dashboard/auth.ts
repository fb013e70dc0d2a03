import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { isLoopback, type Config } from '../base/config.ts';
import { ConfigError } from '../base/errors.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/**
 * What users have to log in with; undefined when the dashboard is open to this machine.
 * @throws ConfigError when other machines could reach it without a password, or one of the two is missing
 */
export function requiredCredentials({ host, user, password }: Config['dashboard']): Credentials | undefined {
  if (user !== undefined && password !== undefined) return { user, password };
  if (!isLoopback(host)) {
    throw new ConfigError(
      `DASHBOARD_HOST=${host} can be reached from other machines: set DASHBOARD_USER and DASHBOARD_PASSWORD, or DASHBOARD_HOST=127.0.0.1.`,
    );
  }
  if (user === undefined && password === undefined) return undefined;
  const [given, missing] =
    password === undefined
      ? ['DASHBOARD_USER', 'DASHBOARD_PASSWORD']
      : ['DASHBOARD_PASSWORD', 'DASHBOARD_USER'];
  throw new ConfigError(`${given} is set without ${missing}: set both, or neither.`);
}

/** HTTP basic authentication; takes the same time for every wrong answer. */
export function requireLogin({ user, password }: Credentials): RequestHandler {
  const expected = digest(`${user}:${password}`);
  return (request, response, next) => {
    const [, encoded = ''] = /^basic ([a-z0-9+/=]*)$/i.exec(request.headers.authorization ?? '') ?? [];
    const given = digest(Buffer.from(encoded, 'base64').toString('utf8'));
    if (timingSafeEqual(given, expected)) {
      next();
      return;
    }
    response
      .status(401)
      .set('WWW-Authenticate', 'Basic realm="Polymarket pipeline", charset="UTF-8"')
      .type('text')
      .send('Log in with DASHBOARD_USER and DASHBOARD_PASSWORD.\n');
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
