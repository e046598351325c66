import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { connectLive } from '../../../src/client/live.js';
import type { NoxEvent, SubscribeReply } from '../../../src/contracts/event.js';
import { LiveGateway } from '../../../src/realtime/live.gateway.js';
import { ManualClock } from '../../../src/shared/clock.js';
import { eventually, within } from '../../support/wait.js';
import { bearer, bootEdge, type Edge, type EdgeOptions } from '../http/edge-app.js';
import { rawUpgrade } from './raw-socket.js';

/** socket.io's own server. */
const serverOf = (edge: Edge) => {
  const { server } = edge.app.get(LiveGateway);
  if (server === undefined) throw new Error('the gateway has not been started');
  return server;
};

/** What comes with the next event of this name. */
const next = (socket: Socket, name: string) => new Promise<unknown>((resolve) => socket.once(name, resolve));

const ask = <T = SubscribeReply>(socket: Socket, name: string, body?: unknown): Promise<T> =>
  within(name, socket.emitWithAck(name, body) as Promise<T>);
const seqsOf = (socket: Socket) => {
  const seqs: number[] = [];
  socket.on('events', (batch: NoxEvent[]) => seqs.push(...batch.map(({ seq }) => seq)));
  return seqs;
};
const ended = (socket: Socket) =>
  within('end of the socket', Promise.all([next(socket, 'closing'), next(socket, 'disconnect')]));

describe('the live socket', () => {
  let edge: Edge;
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.disconnect();
    await edge.close();
  });

  const boot = async (options: EdgeOptions = {}) => {
    edge = await bootEdge(options);
    return (await edge.login()).access_token;
  };
  const open = (token: unknown, options: Parameters<typeof io>[1] = {}) => {
    const socket = io(edge.url, {
      auth: { token },
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      ...options,
    });
    sockets.push(socket);
    return socket;
  };
  const connected = async (token: unknown, options?: Parameters<typeof io>[1]) => {
    const socket = open(token, options);
    await within(
      'connection',
      new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject)),
    );
    return socket;
  };
  const append = (count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, i) => edge.events.append('agent.log', { stream: 'nox', line: `${i}` }, 'lead')),
    );

  describe('opens', () => {
    it.each([
      ['no token', undefined],
      ['a bad token', 'x.y.z'],
      ['no text', { a: 1 }],
    ])('not with %s', async (_, token) => {
      await boot();
      const socket = open(token);
      expect(await within('refusal', next(socket, 'connect_error'))).toMatchObject({
        data: { error: { code: 'UNAUTHORIZED' } },
      });
    });

    it.each(['websocket', 'polling'] as const)('by %s with a good token', async (transport) => {
      const token = await boot();
      await connected(token, { transports: [transport] });
    });

    it('not for a foreign page or under a foreign name, token or not', async () => {
      await boot();
      const own = `http://127.0.0.1:${edge.port}`;
      const statusOf = async (headers: Record<string, string | undefined>) => {
        const { status, socket } = await rawUpgrade(edge.port, headers);
        socket.destroy();
        return status;
      };
      expect(await statusOf({})).toBe(101);
      expect(await statusOf({ origin: own })).toBe(101);
      for (const origin of ['https://evil.example', 'null', `${own}.evil.example`, 'http://127.0.0.1:1']) {
        expect(await statusOf({ origin })).toBe(400);
      }
      for (const host of ['evil.example', `evil.example:${edge.port}`, 'localhost']) {
        expect(await statusOf({ host, origin: own })).toBe(400);
      }
      const poll = (headers: Record<string, string>) =>
        edge.send('GET', '/socket.io/?EIO=4&transport=polling', { headers });
      expect((await poll({})).status).toBe(200);
      expect((await poll({ origin: 'https://evil.example' })).status).toBe(403);
    });
  });

  describe('subscribes', () => {
    it('to a snapshot, then everything after it in its rooms', async () => {
      const token = await boot();
      await append(3);
      const socket = await connected(token);
      const seqs = seqsOf(socket);
      const reply = await ask(socket, 'subscribe', { rooms: ['agent:lead'] });
      expect(reply).toEqual({ seq: edge.events.lastSeq(), resync: false, snapshot: { agents: [], approvals: [] } });
      await edge.events.append('agent.log', { stream: 'nox', line: 'of another' }, 'other');
      const last = (await append(2)).at(-1);
      await eventually('live events', () => seqs.at(-1) === last?.seq);
      expect(seqs).toEqual([reply.seq + 2, reply.seq + 3]);
    });

    it('instead of before, and not at all after unsubscribe', async () => {
      const token = await boot();
      const socket = await connected(token);
      const seqs = seqsOf(socket);
      await ask(socket, 'subscribe', { rooms: ['agent', 'approval'] });
      await ask(socket, 'subscribe', { rooms: ['system', 'approval'] });
      await append(1);
      const system = await edge.events.append('system.stopping', { reason: 'x' });
      await eventually('live event', () => seqs.length > 0);
      expect(await ask(socket, 'unsubscribe', { rooms: ['system'] })).toEqual({});
      await edge.events.append('system.stopping', { reason: 'y' });
      expect(await ask(socket, 'unsubscribe')).toEqual({});
      expect(seqs).toEqual([system.seq]);
    });

    it.each([
      ['subscribe', undefined],
      ['subscribe', { rooms: [] }],
      ['subscribe', { rooms: ['everything'] }],
      ['subscribe', { rooms: ['agent'], after_seq: -1 }],
      ['authenticate', {}],
    ])('is refused for %s %p, and lives on', async (name, body) => {
      const socket = await connected(await boot());
      expect(await ask<unknown>(socket, name, body)).toMatchObject({ error: { code: 'VALIDATION_ERROR' } });
      expect(await ask(socket, 'subscribe', { rooms: ['agent'] })).toHaveProperty('seq');
    });

    it('says resync when the events are no longer there, with a snapshot', async () => {
      const token = await boot();
      await append(5);
      await edge.db.write((tx) => tx.run('DELETE FROM events WHERE seq < 4'));
      const socket = await connected(token);
      expect(await ask(socket, 'subscribe', { rooms: ['agent'], after_seq: 1 })).toMatchObject({
        resync: true,
        snapshot: { agents: [] },
      });
      expect(await ask(socket, 'subscribe', { rooms: ['agent'], after_seq: 9999 })).toMatchObject({ resync: true });
      expect(await ask(socket, 'subscribe', { rooms: ['agent'], after_seq: 3 })).toMatchObject({
        resync: false,
        snapshot: null,
      });
    });

    it('again and again under load without a gap or a repetition', async () => {
      const token = await boot();
      const start = edge.events.lastSeq();
      const got: number[] = [];
      const work = { done: false };
      const writer = (async () => {
        for (let i = 0; i < 60; i += 1) {
          await append(10);
          await turn();
        }
        work.done = true;
      })();
      for (let round = 0; !work.done || (got.at(-1) ?? start) < edge.events.lastSeq(); round += 1) {
        const socket = await connected(token);
        const seqs = seqsOf(socket);
        const reply = await ask(socket, 'subscribe', { rooms: ['agent'], after_seq: got.at(-1) ?? start });
        expect(reply.resync).toBe(false);
        await eventually('some events', () => seqs.length > 0 || work.done, 5000);
        socket.disconnect();
        got.push(...seqs);
        expect(round).toBeLessThan(1000);
      }
      await writer;
      expect(got).toEqual(Array.from({ length: 600 }, (_, i) => start + 1 + i));
    });

    it('as the client of the project does', async () => {
      const token = await boot();
      const snapshots: number[] = [];
      const seqs: number[] = [];
      const live = connectLive({
        base_url: edge.url,
        token,
        rooms: ['agent'],
        onSnapshot: (_, seq) => snapshots.push(seq),
        onEvent: ({ seq }) => seqs.push(seq),
      });
      await eventually('snapshot', () => snapshots.length === 1);
      const events = await append(20);
      await eventually('events', () => seqs.length === 20);
      expect(seqs).toEqual(events.map(({ seq }) => seq));
      live.close();
    });
  });

  describe('ends with its login', () => {
    it('by logout, at once', async () => {
      const token = await boot();
      const other = (await edge.login()).access_token;
      const [socket, stays] = [await connected(token), await connected(other)];
      const end = ended(socket);
      await edge.send('POST', '/api/v1/auth/logout', { headers: bearer(token) });
      expect((await end)[0]).toEqual({ reason: 'token_revoked' });
      expect(stays.connected).toBe(true);
    });

    it('when the token expires, unless it showed a fresh one', async () => {
      const clock = new ManualClock(Date.now());
      const token = await boot({ clock });
      const [dropped, renewed] = [await connected(token), await connected(token)];
      clock.advance(500_000);
      const fresh = (await edge.login()).access_token;
      expect(await ask<unknown>(renewed, 'authenticate', { token: fresh })).toHaveProperty('expires_at');
      const end = ended(dropped);
      clock.advance(100_000);
      expect((await end)[0]).toEqual({ reason: 'token_expired' });
      expect(renewed.connected).toBe(true);
      const end_of_renewed = ended(renewed);
      clock.advance(500_000);
      expect((await end_of_renewed)[0]).toEqual({ reason: 'token_expired' });
    });

    it('and cannot become that of another user', async () => {
      const token = await boot();
      await edge.auth.createUser({ username: 'vera', role: 'viewer', password: 'password of hers' });
      const vera = (await edge.login('vera', 'password of hers')).access_token;
      const socket = await connected(token);
      expect(await ask<unknown>(socket, 'authenticate', { token: vera })).toMatchObject({
        error: { code: 'FORBIDDEN' },
      });
      expect(await ask<unknown>(socket, 'authenticate', { token: 'x' })).toMatchObject({
        error: { code: 'UNAUTHORIZED' },
      });
      expect(socket.connected).toBe(true);
    });
  });

  it('is cut off when its client does not read, and harms nobody else', async () => {
    const token = await boot();
    const slow = await rawUpgrade(edge.port, {});
    slow.send(`40${JSON.stringify({ token })}`);
    const server = serverOf(edge);
    await eventually('slow socket', () => server.sockets.sockets.size === 1);
    slow.send(`42["subscribe",${JSON.stringify({ rooms: ['agent'] })}]`);
    const [on_server] = server.sockets.sockets.values();
    await eventually('subscription', () => (on_server?.rooms.size ?? 0) > 1);
    const alive = () => on_server?.connected;
    slow.socket.pause();
    const quick = await connected(token);
    const seqs = seqsOf(quick);
    await ask(quick, 'subscribe', { rooms: ['agent'] });
    const line = 'x'.repeat(64 * 1024);
    let sent = 0;
    for (; alive() === true && sent < 2000; sent += 1) {
      await edge.events.append('agent.log', { stream: 'stdout', line }, 'lead');
      await eventually('the quick one has it', () => seqs.length === sent + 1);
    }
    expect(alive()).toBe(false);
    expect(quick.connected).toBe(true);
    slow.socket.destroy();
  });

  it('is told when Nox shuts down', async () => {
    const socket = await connected(await boot());
    const end = ended(socket);
    await edge.app.close();
    expect((await end)[0]).toEqual({ reason: 'shutting_down' });
  });
});
