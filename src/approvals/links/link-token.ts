import { createHmac, timingSafeEqual } from 'node:crypto';

/** Everything that a link is good for; nothing of it can be changed without its signature being wrong. */
export interface LinkClaims {
  readonly id: string;
  readonly approval_id: string;
  readonly input_sha256: string;
  readonly username: string;
  readonly expires_ms: number;
}

const signatureOf = (key: Buffer, { id, approval_id, input_sha256, username, expires_ms }: LinkClaims): Buffer =>
  createHmac('sha256', key)
    .update(JSON.stringify(['nox approval link', id, approval_id, input_sha256, username, expires_ms]))
    .digest();

/** The token of a link: its id and a signature over what it is good for. It can be made again, so it is never stored. */
export const linkToken = (key: Buffer, claims: LinkClaims): string =>
  `${claims.id}.${signatureOf(key, claims).toString('base64url')}`;

/** The id that a token claims; undefined when it is no token. */
export const linkIdOf = (token: string): string | undefined =>
  /^(lnk_[0-9A-HJKMNP-TV-Z]{26})\.[\w-]{43}$/.exec(token)?.[1];

/** Whether the token was made by this key for these claims. */
export function isSigned(key: Buffer, claims: LinkClaims, token: string): boolean {
  const given = Buffer.from(token.slice(token.indexOf('.') + 1), 'base64url');
  const right = signatureOf(key, claims);
  return given.length === right.length && timingSafeEqual(given, right);
}
