import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import * as z from 'zod';
import type { Clock } from '../shared/clock.js';
import type { JwtKeys } from './jwt-keys.js';
import type { AccessClaims } from './verified-tokens.js';

const ISSUER = 'nox';
const AUDIENCE = 'nox-api';
const TYPE = 'at+jwt';
const MAX_CHARS = 2048;

const Header = z.strictObject({ alg: z.literal('HS256'), typ: z.literal(TYPE), kid: z.string() });
const Payload = z.strictObject({
  iss: z.literal(ISSUER),
  aud: z.literal(AUDIENCE),
  sub: z.string().min(1),
  fam: z.string().min(1),
  jti: z.string().min(1),
  iat: z.number().int(),
  nbf: z.number().int(),
  exp: z.number().int(),
});

/**
 * Makes and reads access tokens: JWTs of exactly one form. Algorithm and key never follow from the token's own claims:
 * the algorithm is fixed, the key comes from the local file by its id, anything more in the header refuses the token.
 */
export class AccessTokens {
  constructor(
    private readonly keys: JwtKeys,
    private readonly clock: Clock,
  ) {}

  issue(username: string, family: string, lifetime_s: number): string {
    const { kid, secret } = this.keys.current;
    const iat = Math.floor(this.clock.now() / 1000);
    const payload: z.infer<typeof Payload> = {
      iss: ISSUER,
      aud: AUDIENCE,
      sub: username,
      fam: family,
      jti: randomUUID(),
      iat,
      nbf: iat,
      exp: iat + lifetime_s,
    };
    return jwt.sign(payload, secret, { algorithm: 'HS256', header: { alg: 'HS256', typ: TYPE, kid } });
  }

  /** What the token says; undefined when anything about it is not right. */
  read(token: string): AccessClaims | undefined {
    if (token.length > MAX_CHARS) return undefined;
    const key = this.keys.find(kidOf(token) ?? '');
    if (key === undefined) return undefined;
    try {
      const { payload } = jwt.verify(token, key.secret, {
        algorithms: ['HS256'],
        issuer: ISSUER,
        audience: AUDIENCE,
        clockTimestamp: Math.floor(this.clock.now() / 1000),
        complete: true,
      });
      const claims = Payload.safeParse(payload);
      if (!claims.success) return undefined;
      return { username: claims.data.sub, family: claims.data.fam, expires_at_ms: claims.data.exp * 1000 };
    } catch (error) {
      if (error instanceof jwt.JsonWebTokenError) return undefined;
      throw error;
    }
  }
}

/** The key's id, from a header of the one form that Nox writes. */
function kidOf(token: string): string | undefined {
  const [head] = token.split('.', 1);
  try {
    return Header.parse(JSON.parse(Buffer.from(head ?? '', 'base64url').toString('utf8'))).kid;
  } catch {
    // Not made by Nox; whatever is wrong with it, the answer is the same.
    return undefined;
  }
}
