import { usageError } from './cli-error.js';

/** The parts of a one-time login link: its server, if it is a whole address, and its token. */
export interface LoginLink {
  readonly origin: string | undefined;
  readonly token: string;
}

/** Takes the link as it was printed (the token in its query, fragment or last path step), or the token alone. */
export function parseLoginLink(text: string): LoginLink {
  const trimmed = text.trim();
  if (/^[\w.~-]{16,256}$/.test(trimmed)) return { origin: undefined, token: trimmed };
  const url = URL.canParse(trimmed) ? new URL(trimmed) : undefined;
  const token = url === undefined ? undefined : tokenIn(url);
  if (url === undefined || token === undefined) throw usageError('This is no login link.');
  return { origin: url.origin, token };
}

function tokenIn(url: URL): string | undefined {
  const fragment = new URLSearchParams(url.hash.slice(1));
  const named = url.searchParams.get('token') ?? fragment.get('token');
  if (named !== null && named !== '') return named;
  const last = url.pathname.split('/').at(-1) ?? '';
  return last.length >= 16 ? last : undefined;
}
