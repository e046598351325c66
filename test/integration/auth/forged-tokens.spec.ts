import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { JwtKeys } from '../../../src/auth/jwt-keys.js';
import { bearer, bootEdge, type Edge } from '../http/edge-app.js';

const b64 = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const now = (): number => Math.floor(Date.now() / 1000);

const hmac = (input: string, key: string | Buffer): string =>
  createHmac('sha256', key).update(input).digest('base64url');

describe('forged tokens', () => {
  let edge: Edge;
  let good: string;
  let kid: string;
  let secret: Buffer;
  let claims: Record<string, unknown>;
  beforeAll(async () => {
    edge = await bootEdge();
    good = (await edge.login()).access_token;
    const [id, encoded] = (await readFile(join(edge.home, 'jwt-secret'), 'utf8')).trim().split(' ');
    kid = id ?? '';
    secret = Buffer.from(encoded ?? '', 'base64url');
    claims = JSON.parse(Buffer.from(good.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
  });
  afterAll(() => edge.close());

  const use = async (token: string) => (await edge.send('GET', '/api/v1/auth/me', { headers: bearer(token) })).status;
  /** Signed with the true secret, so that nothing but what is changed can refuse it. */
  const sign = (change: Record<string, unknown>, header: Record<string, unknown> = {}) => {
    const head = b64({ alg: 'HS256', typ: 'at+jwt', kid, ...header });
    const body = b64(
      Object.fromEntries(
        Object.entries({ ...claims, jti: randomUUID(), ...change }).filter(([, v]) => v !== undefined),
      ),
    );
    return signRaw(`${head}.${body}`);
  };
  const signRaw = (input: string) => `${input}.${hmac(input, secret)}`;

  it('are refused because of what is forged: the same, unforged, is good', async () => {
    expect(await use(good)).toBe(200);
    expect(await use(sign({}))).toBe(200);
  });

  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const forgeries: [name: string, make: () => string][] = [
    ['alg none, no signature', () => `${b64({ alg: 'none', typ: 'at+jwt', kid })}.${b64(claims)}.`],
    ['alg None', () => sign({}, { alg: 'None' })],
    ['alg nOnE, no signature', () => `${b64({ alg: 'nOnE', typ: 'at+jwt', kid })}.${b64(claims)}.`],
    ['alg HS512', () => jwt.sign(claims, secret, { algorithm: 'HS512', header: { alg: 'HS512', typ: 'at+jwt', kid } })],
    [
      'alg RS256 with a key of the forger',
      () => jwt.sign(claims, other.privateKey, { algorithm: 'RS256', header: { alg: 'RS256', typ: 'at+jwt', kid } }),
    ],
    [
      'HS256 with a public key as secret',
      () => {
        const input = `${b64({ alg: 'HS256', typ: 'at+jwt', kid })}.${b64(claims)}`;
        return `${input}.${hmac(input, other.publicKey.export({ type: 'spki', format: 'pem' }))}`;
      },
    ],
    [
      'another secret',
      () => {
        const input = good.split('.').slice(0, 2).join('.');
        return `${input}.${hmac(input, 'secret')}`;
      },
    ],
    [
      'an empty secret',
      () => {
        const input = good.split('.').slice(0, 2).join('.');
        return `${input}.${hmac(input, '')}`;
      },
    ],
    ['an empty signature', () => `${good.split('.').slice(0, 2).join('.')}.`],
    ['no signature', () => good.split('.').slice(0, 2).join('.')],
    [
      'the payload of another',
      () => [good.split('.')[0], b64({ ...claims, sub: 'root' }), good.split('.')[2]].join('.'),
    ],
    ['an unknown kid', () => sign({}, { kid: 'unknown-kid' })],
    ['a kid that is a path', () => sign({}, { kid: '../../../../dev/null' })],
    ['a kid that is SQL', () => sign({}, { kid: "' UNION SELECT 'x" })],
    ['a kid that is a list', () => sign({}, { kid: [kid] })],
    ['no kid', () => sign({}, { kid: undefined })],
    ['an embedded jwk', () => sign({}, { jwk: { kty: 'oct', k: 'AA' } })],
    ['a jku', () => sign({}, { jku: 'http://127.0.0.1:1/keys' })],
    ['an x5u', () => sign({}, { x5u: 'http://127.0.0.1:1/cert' })],
    ['crit', () => sign({}, { crit: ['exp'] })],
    ['typ JWT', () => sign({}, { typ: 'JWT' })],
    ['no typ', () => sign({}, { typ: undefined })],
    ['another issuer', () => sign({ iss: 'evil' })],
    ['no issuer', () => sign({ iss: undefined })],
    ['another audience', () => sign({ aud: 'nox-refresh' })],
    ['a list of audiences', () => sign({ aud: ['nox-api', 'other'] })],
    ['expired a second ago', () => sign({ exp: now() - 1 })],
    ['exp as text', () => sign({ exp: String(now() + 600) })],
    ['no exp', () => sign({ exp: undefined })],
    ['not yet valid', () => sign({ nbf: now() + 60 })],
    ['no nbf', () => sign({ nbf: undefined })],
    ['no jti', () => sign({ jti: undefined })],
    ['a role of its own', () => sign({ role: 'admin' })],
    ['a user who is not there', () => sign({ sub: 'root' })],
    ['no user', () => sign({ sub: undefined })],
    ['a login that is not there', () => sign({ fam: 'fam_01M7XWS47QJ349MTDNR1XTQ1KX' })],
    ['four parts', () => `${good}.x`],
    ['a payload that is no object', () => signRaw(`${b64({ alg: 'HS256', typ: 'at+jwt', kid })}.${b64('"admin"')}`)],
    ['a payload that is no JSON', () => signRaw(`${b64({ alg: 'HS256', typ: 'at+jwt', kid })}.${b64('{')}`)],
    ['5 000 characters', () => sign({ sub: 'x'.repeat(5000) })],
    ['nothing', () => ''],
  ];
  it.each(forgeries)('with %s: 401', async (_, make) => expect(await use(make())).toBe(401));

  it.each(['Basic YWRtaW46eA==', 'Bearer', 'Token GOOD', 'bearer  GOOD', 'Bearer GOOD,Bearer GOOD'])(
    'by the header %p: 401',
    async (header) => {
      const headers = { authorization: header.replaceAll('GOOD', good) };
      expect((await edge.send('GET', '/api/v1/auth/me', { headers })).status).toBe(401);
    },
  );

  it.each(['?access_token=GOOD', '?token=GOOD'])('by the address %s: 401', async (query) => {
    expect((await edge.send('GET', `/api/v1/auth/me${query.replace('GOOD', good)}`)).status).toBe(401);
  });

  it('by a refresh token in the place of an access token: 401', async () => {
    expect(await use((await edge.login()).refresh_token)).toBe(401);
  });

  it('a rotation of the key logs nobody out, the second one ends old tokens', async () => {
    const keys = edge.app.get(JwtKeys);
    const before = (await edge.login()).access_token;
    await keys.rotate();
    expect(await use(before)).toBe(200);
    const between = (await edge.login()).access_token;
    await keys.rotate();
    expect(await use(between)).toBe(200);
    // `good` and `before` were verified and are remembered; one that was not is refused with its key.
    expect(await use(sign({}))).toBe(401);
  });
});
