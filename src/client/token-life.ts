import * as z from 'zod';
import { parseJson } from './api-error.js';

const Claims = z.object({ exp: z.number() });

/** When a JWT ends, in milliseconds since the epoch; undefined when it does not say. The signature is the server's business. */
export function expiryOf(token: string): number | undefined {
  const part = token.split('.')[1];
  if (part === undefined) return undefined;
  const claims = Claims.safeParse(parseJson(decodeBase64Url(part)));
  return claims.success ? claims.data.exp * 1000 : undefined;
}

/** How long to keep a token before asking for the next: until 30 s before its end, but never a busy loop. */
export function refreshDelayMs(token: string, now_ms: number): number | undefined {
  const end_ms = expiryOf(token);
  if (end_ms === undefined) return undefined;
  return Math.min(Math.max(end_ms - now_ms - 30_000, 1000), 2 ** 31 - 1);
}

function decodeBase64Url(text: string): string {
  try {
    return atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return '';
  }
}
