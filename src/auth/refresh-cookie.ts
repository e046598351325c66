import { fastifyCookie as cookie } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { NoxError } from '../shared/nox-error.js';

const NAME = 'nox_refresh';

/** Gives a browser its refresh token where no script can read it. `/api` covers `/api/v1` too. */
export function setRefreshCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  lifetime_s: number,
): void {
  reply.header('set-cookie', cookie.serialize(NAME, token, { ...optionsFor(request), maxAge: lifetime_s }));
}

export function clearRefreshCookie(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('set-cookie', cookie.serialize(NAME, '', { ...optionsFor(request), maxAge: 0 }));
}

/**
 * The refresh token of the browser's cookie. It counts only with an Origin, which the origin guard has judged: browsers
 * send one with every POST, so a request without one was not made by a page of ours. Throws FORBIDDEN_ORIGIN.
 */
export function refreshCookieOf(request: FastifyRequest): string | undefined {
  const token = cookie.parse(request.headers.cookie ?? '')[NAME];
  if (token === undefined || token === '') return undefined;
  if (request.headers.origin === undefined) {
    throw new NoxError(
      'FORBIDDEN_ORIGIN',
      'A cookie is taken from pages of Nox only: send the refresh token in the body.',
    );
  }
  return token;
}

function optionsFor(request: FastifyRequest) {
  // Behind a proxy with TLS the page's own Origin says so.
  const secure = request.headers.origin?.startsWith('https:') ?? false;
  return { path: '/api', httpOnly: true, sameSite: 'strict', secure } as const;
}
