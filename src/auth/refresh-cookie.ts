import type { IncomingHttpHeaders } from 'node:http';
import { NoxError } from '../shared/nox-error.js';

const NAME = 'nox_refresh';
/** Tokens are base64url, so that nothing in a cookie needs to be escaped. */
const FOUND = new RegExp(`(?:^|;)\\s*${NAME}=([\\w-]+)\\s*(?:;|$)`);

/**
 * The `Set-Cookie` that gives a browser its refresh token where no script can read it; without a token, the one that
 * takes it away. `/api` covers `/api/v1` too.
 */
export function refreshCookie(headers: IncomingHttpHeaders, token: string | undefined, lifetime_s: number): string {
  const parts = [`${NAME}=${token ?? ''}`, `Max-Age=${token === undefined ? 0 : lifetime_s}`, 'Path=/api', 'HttpOnly'];
  parts.push('SameSite=Strict');
  // Behind a proxy with TLS the page's own Origin says so.
  if (headers.origin?.startsWith('https:') === true) parts.push('Secure');
  return parts.join('; ');
}

/**
 * The refresh token of the browser's cookie. It counts only with an Origin, which the origin guard has judged: browsers
 * send one with every POST, so a request without one was not made by a page of ours. Throws FORBIDDEN_ORIGIN.
 */
export function refreshTokenOf(headers: IncomingHttpHeaders): string | undefined {
  const token = FOUND.exec(headers.cookie ?? '')?.[1];
  if (token === undefined) return undefined;
  if (headers.origin === undefined) {
    throw new NoxError(
      'FORBIDDEN_ORIGIN',
      'A cookie is taken from pages of Nox only: send the refresh token in the body.',
    );
  }
  return token;
}
