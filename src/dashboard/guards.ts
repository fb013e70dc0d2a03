import type { RequestHandler } from 'express';
import { isLoopback } from '../base/config.ts';

const OWN_PAGES = [
  "default-src 'self'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "object-src 'none'",
];

/** Bull Board sets styles from its scripts and in its page; everything else it needs is its own files. */
const BOARD_PAGES = [
  ...OWN_PAGES,
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
];

/** Nothing is loaded from elsewhere, no page may frame ours, and no address leaks to other sites. */
export const securityHeaders: RequestHandler = (request, response, next) => {
  const policy = request.path.startsWith('/admin/') ? BOARD_PAGES : OWN_PAGES;
  response.set({
    'Content-Security-Policy': policy.join('; '),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
  });
  next();
};

/**
 * Refuses requests for another host than this machine. Without a password the address is all that protects the
 * dashboard, and a web page can have its own name resolve to 127.0.0.1 (DNS rebinding).
 */
export function requireLocalHost(dashboardHost: string): RequestHandler {
  return (request, response, next) => {
    const host = hostName(request.headers.host ?? '');
    if (isLoopback(host) || host === dashboardHost.toLowerCase()) {
      next();
      return;
    }
    response
      .status(403)
      .type('text')
      .send(
        'This dashboard has no password and answers only at localhost or DASHBOARD_HOST: set DASHBOARD_USER and DASHBOARD_PASSWORD to reach it by another name.\n',
      );
  };
}

function hostName(hostHeader: string): string {
  return hostHeader.replace(/:\d*$/, '').toLowerCase();
}

/** Refuses requests by which another site would change something here (CSRF). Programs that are no browsers pass. */
export const refuseCrossSite: RequestHandler = (request, response, next) => {
  if (request.method === 'GET' || request.method === 'HEAD' || isFromOwnPage(request.headers)) {
    next();
    return;
  }
  response.status(403).type('text').send('Refused: the request comes from another site.\n');
};

function isFromOwnPage(headers: Readonly<Record<string, string | string[] | undefined>>): boolean {
  // Browsers send it to HTTPS and localhost only, and no page can forge it.
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin, host } = headers;
  if (origin === undefined) return true;
  return typeof origin === 'string' && URL.canParse(origin) && new URL(origin).host === host;
}
