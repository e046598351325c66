import { usageError } from './cli-error.js';

/** The parts of a one-time login link: its server, if it is a whole address, and its token. */
export interface LoginLink {
  readonly origin: string | undefined;
  readonly token: string;
}

/** Takes the link as `nox serve` prints it (`…/login#link=TOKEN`), or the token alone. Throws a usage error for others. */
export function parseLoginLink(text: string): LoginLink {
  const trimmed = text.trim();
  if (/^[\w.~-]{16,256}$/.test(trimmed)) return { origin: undefined, token: trimmed };
  const url = URL.canParse(trimmed) ? new URL(trimmed) : undefined;
  const token = url === undefined ? undefined : tokenIn(url);
  if (url === undefined || token === undefined) throw usageError('This is no login link.');
  return { origin: url.origin, token };
}

function tokenIn(url: URL): string | undefined {
  const token = new URLSearchParams(url.hash.slice(1)).get('link') ?? '';
  return token === '' ? undefined : token;
}
