import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../../src/shared/clock.js';
import { bearer, bootEdge, type Edge, PASSWORD, type Tokens } from '../http/edge-app.js';

describe('logging in', () => {
  let edge: Edge;
  let clock: ManualClock;
  beforeEach(async () => {
    clock = new ManualClock(Date.now());
    edge = await bootEdge({ clock });
  });
  afterEach(() => edge.close());

  const attempt = (password: string, username = 'admin') =>
    edge.send('POST', '/api/v1/auth/login', { json: { username, password } });
  const refresh = (refresh_token: string) => edge.send('POST', '/api/v1/auth/refresh', { json: { refresh_token } });
  const me = (token: string) => edge.send('GET', '/api/v1/auth/me', { headers: bearer(token) });
  const eventsOf = (type: string) => edge.events.since(0).filter((event) => event.type === type);

  describe('with a password', () => {
    it('gives tokens that work, and tells the world', async () => {
      const tokens = await edge.login();
      expect(tokens).toMatchObject({
        token_type: 'Bearer',
        expires_in: 600,
        user: { username: 'admin', role: 'admin' },
      });
      expect(await (await me(tokens.access_token)).json()).toEqual({ username: 'admin', role: 'admin' });
      expect(eventsOf('system.login')).toMatchObject([
        { payload: { username: 'admin', success: true, address: '127.0.0.1' } },
      ]);
    });

    it('answers a wrong password and an unknown user alike', async () => {
      const [wrong, unknown] = [await attempt('wrong one'), await attempt(PASSWORD, 'hunter2')];
      for (const reply of [wrong, unknown]) expect(reply.status).toBe(401);
      const [a, b] = (await Promise.all([wrong.json(), unknown.json()])) as { error: unknown }[];
      expect(a?.error).toEqual(b?.error);
      const payloads = eventsOf('system.login').map(({ payload }) => payload);
      expect(payloads).toEqual([
        { username: 'admin', success: false, address: '127.0.0.1' },
        { username: '(unknown)', success: false, address: '127.0.0.1' },
      ]);
    });

    it('stores neither password nor token in clear', async () => {
      const { access_token, refresh_token } = await edge.login();
      const tables = ['users', 'refresh_tokens', 'login_links', 'events', 'meta'];
      const all = JSON.stringify(tables.map((table) => edge.db.all(`SELECT * FROM ${table}`)));
      for (const secret of [PASSWORD, access_token, refresh_token]) expect(all).not.toContain(secret);
      expect(all).toContain('scrypt$');
    });

    it('bars an address after 5 wrong ones a minute, for the right one too, and says for how long', async () => {
      for (let i = 0; i < 5; i += 1) expect((await attempt(`wrong ${i}`)).status).toBe(401);
      const barred = await attempt(PASSWORD);
      expect(barred.status).toBe(429);
      expect(barred.headers.get('retry-after')).toBe('60');
      expect(await barred.json()).toMatchObject({ error: { code: 'RATE_LIMITED', details: { retry_after_s: 60 } } });
      clock.advance(60_000);
      expect((await attempt(PASSWORD)).status).toBe(200);
    });

    it('does not count those that were right', async () => {
      for (let i = 0; i < 12; i += 1) expect((await attempt(PASSWORD)).status).toBe(200);
    });

    it('counts attempts that run at the same time', async () => {
      const statuses = await Promise.all(Array.from({ length: 20 }, async (_, i) => (await attempt(`no ${i}`)).status));
      expect(statuses.filter((status) => status === 401)).toHaveLength(5);
      expect(statuses.filter((status) => status === 429)).toHaveLength(15);
    });
  });

  describe('refresh tokens', () => {
    it('are changed at each use, and the chain goes on', async () => {
      let { refresh_token } = await edge.login();
      const seen = new Set([refresh_token]);
      for (let i = 0; i < 3; i += 1) {
        clock.advance(60_000);
        const next = (await (await refresh(refresh_token)).json()) as Tokens;
        expect((await me(next.access_token)).status).toBe(200);
        refresh_token = next.refresh_token;
        seen.add(refresh_token);
      }
      expect(seen.size).toBe(4);
    });

    it('answer a repeated use at once by the same successor: the first answer may be lost', async () => {
      const { refresh_token } = await edge.login();
      const replies = await Promise.all(Array.from({ length: 100 }, () => refresh(refresh_token)));
      const successors = await Promise.all(
        replies.map(async (reply) => ((await reply.json()) as Tokens).refresh_token),
      );
      expect(new Set(successors).size).toBe(1);
      clock.advance(9_000);
      expect(((await (await refresh(refresh_token)).json()) as Tokens).refresh_token).toBe(successors[0]);
    });

    it.each([
      ['after the grace', async () => clock.advance(10_001)],
      ['when the successor was used', async (next: string) => void (await refresh(next))],
    ])('end the whole login when they come back %s', async (_, between) => {
      const first = await edge.login();
      const second = (await (await refresh(first.refresh_token)).json()) as Tokens;
      await between(second.refresh_token);
      const statuses = await Promise.all(
        Array.from({ length: 100 }, async () => (await refresh(first.refresh_token)).status),
      );
      expect(new Set(statuses)).toEqual(new Set([401]));
      expect((await refresh(second.refresh_token)).status).toBe(401);
      for (const { access_token } of [first, second]) expect((await me(access_token)).status).toBe(401);
      expect(eventsOf('system.login_revoked')).toMatchObject([{ payload: { username: 'admin', reason: 'reuse' } }]);
      expect((await me((await edge.login()).access_token)).status).toBe(200);
    });

    it('expire', async () => {
      const { refresh_token } = await edge.login();
      clock.advance(1_209_600_000);
      expect((await refresh(refresh_token)).status).toBe(401);
    });

    it('come to a browser as a cookie that only pages of Nox can use', async () => {
      const origin = edge.url;
      const reply = await edge.send('POST', '/api/v1/auth/login', {
        headers: { origin },
        json: { username: 'admin', password: PASSWORD },
      });
      const [cookie = ''] = reply.headers.getSetCookie();
      expect(cookie).toMatch(/^nox_refresh=[\w-]{43}; Max-Age=1209600; Path=\/api; HttpOnly; SameSite=Strict$/);
      const value = cookie.split(';', 1)[0] ?? '';
      const use = (headers: Record<string, string>) =>
        edge.send('POST', '/api/v1/auth/refresh', { headers: { cookie: value, ...headers } });
      expect((await use({ origin: 'https://evil.example' })).status).toBe(403);
      expect((await use({})).status).toBe(403);
      const used = await use({ origin });
      expect(used.status).toBe(200);
      expect(used.headers.getSetCookie()[0]).not.toContain(value);
    });
  });

  describe('ending it', () => {
    it('by logout ends both tokens at once, also those that were used before', async () => {
      const { access_token, refresh_token } = await edge.login();
      const other = await edge.login();
      expect((await me(access_token)).status).toBe(200);
      const reply = await edge.send('POST', '/api/v1/auth/logout', { headers: bearer(access_token) });
      expect(reply.status).toBe(200);
      expect((await me(access_token)).status).toBe(401);
      expect((await refresh(refresh_token)).status).toBe(401);
      expect((await me(other.access_token)).status).toBe(200);
    });

    it('by a new password ends the other logins, not this one', async () => {
      const [mine, other] = [await edge.login(), await edge.login()];
      const change = (current_password: string) =>
        edge.send('POST', '/api/v1/auth/password', {
          headers: bearer(mine.access_token),
          json: { current_password, new_password: 'quite another' },
        });
      expect((await change('not it')).status).toBe(403);
      expect((await me(other.access_token)).status).toBe(200);
      expect((await change(PASSWORD)).status).toBe(200);
      expect((await me(mine.access_token)).status).toBe(200);
      expect((await me(other.access_token)).status).toBe(401);
      expect((await attempt(PASSWORD)).status).toBe(401);
      expect((await attempt('quite another')).status).toBe(200);
    });

    it('by time ends the access token to the second', async () => {
      const { access_token } = await edge.login();
      clock.advance(599_000);
      expect((await me(access_token)).status).toBe(200);
      clock.advance(1_000);
      expect((await me(access_token)).status).toBe(401);
    });
  });

  const asAdmin = async () => bearer((await edge.login()).access_token);

  const createUser = async (username: string, role: string) =>
    edge.send('POST', '/api/v1/auth/users', {
      headers: await asAdmin(),
      json: { username, role, password: 'password of theirs' },
    });

  describe('users', () => {
    it('have the role they were given', async () => {
      expect((await createUser('vera', 'viewer')).status).toBe(201);
      const { access_token } = await edge.login('vera', 'password of theirs');
      expect((await edge.send('GET', '/api/v1/agents', { headers: bearer(access_token) })).status).toBe(200);
      const reply = await edge.send('POST', '/api/v1/agents', { headers: bearer(access_token), json: { name: 'x' } });
      expect(reply.status).toBe(403);
      expect(await reply.json()).toMatchObject({ error: { code: 'FORBIDDEN', details: { needed: 'operator' } } });
      expect((await edge.send('GET', '/api/v1/auth/users', { headers: bearer(access_token) })).status).toBe(403);
    });

    it('are listed without their hashes, and no two have one name', async () => {
      await createUser('otto', 'operator');
      expect(await (await createUser('otto', 'admin')).json()).toMatchObject({
        error: { code: 'USER_ALREADY_EXISTS' },
      });
      const list = await edge.send('GET', '/api/v1/auth/users', { headers: await asAdmin() });
      expect(await list.json()).toEqual({
        users: [
          { username: 'admin', role: 'admin' },
          { username: 'otto', role: 'operator' },
        ],
      });
    });

    it('lose their logins when they are removed; the last admin stays', async () => {
      await createUser('otto', 'operator');
      const { access_token } = await edge.login('otto', 'password of theirs');
      expect((await me(access_token)).status).toBe(200);
      const headers = await asAdmin();
      const remove = (name: string) => edge.send('DELETE', `/api/v1/auth/users/${name}`, { headers });
      expect((await remove('otto')).status).toBe(200);
      expect((await me(access_token)).status).toBe(401);
      expect(await (await remove('otto')).json()).toMatchObject({ error: { code: 'USER_NOT_FOUND' } });
      expect(await (await remove('admin')).json()).toMatchObject({ error: { code: 'INVALID_STATE' } });
    });
  });
});

describe('the first start', () => {
  let edge: Edge;
  let clock: ManualClock;
  beforeEach(async () => {
    clock = new ManualClock(Date.now());
    edge = await bootEdge({ clock, first_start: true });
  });
  afterEach(() => edge.close());

  const byLink = (link: string | undefined) =>
    edge.send('POST', '/api/v1/auth/login-link', { json: { token: link?.split('#link=')[1] } });

  it('makes a password and a link that work, the link once; logins wait for them', async () => {
    const starting = edge.auth.firstStart({ base_url: 'http://localhost:3000' });
    const early = edge.send('POST', '/api/v1/auth/login', { json: { username: 'admin', password: 'not it' } });
    const first = await starting;
    expect((await early).status).toBe(401);
    expect(first?.login_link).toMatch(/^http:\/\/localhost:3000\/login#link=[\w-]{43}$/);
    await edge.login('admin', first?.password);
    expect(await (await byLink(first?.login_link)).json()).toMatchObject({ user: { username: 'admin' } });
    expect((await byLink(first?.login_link)).status).toBe(401);
  });

  it('ends the link after 15 minutes', async () => {
    const first = await edge.auth.firstStart({ base_url: edge.url });
    clock.advance(15 * 60_000);
    expect((await byLink(first?.login_link)).status).toBe(401);
  });

  it('takes the password of the environment, then shows none', async () => {
    const first = await edge.auth.firstStart({ admin_password: PASSWORD, base_url: edge.url });
    expect(first).toEqual({ username: 'admin' });
    await edge.login();
  });

  it('refuses one that is too short, and makes nobody', () => {
    expect(() => edge.auth.firstStart({ admin_password: 'short', base_url: edge.url })).toThrow(
      /NOX_ADMIN_PASSWORD is too short/,
    );
    expect(edge.auth.listUsers()).toEqual([]);
  });

  it('happens once', async () => {
    await edge.auth.firstStart({ admin_password: PASSWORD, base_url: edge.url });
    await expect(edge.auth.firstStart({ admin_password: 'another one', base_url: edge.url })).resolves.toBeUndefined();
    await edge.login();
  });
});
