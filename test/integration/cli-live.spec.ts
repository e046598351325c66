import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Server, type Socket } from 'socket.io';
import { connectLive, type LiveConnection, type LiveOptions } from '../../src/client/live.js';

interface Subscribed {
  readonly socket: Socket;
  readonly request: { rooms: string[]; after_seq?: number };
  readonly reply: (answer: unknown) => void;
}

const event = (seq: number) => ({
  id: `evt_${seq}`,
  seq,
  type: 'system.started',
  timestamp: '2026-01-01T00:00:00.000Z',
  payload: { version: '1' },
});
const snapshot = { agents: [], approvals: [] };
const jwt = (exp_ms: number) => `h.${Buffer.from(JSON.stringify({ exp: exp_ms / 1000 })).toString('base64url')}.s`;

/** A queue that a test waits on. */
class Inbox<T> {
  private readonly items: T[] = [];
  private readonly takers: ((item: T) => void)[] = [];

  put(item: T): void {
    const taker = this.takers.shift();
    if (taker === undefined) this.items.push(item);
    else taker(item);
  }

  take(): Promise<T> {
    const item = this.items.shift();
    return item === undefined ? new Promise((resolve) => this.takers.push(resolve)) : Promise.resolve(item);
  }
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function serverOf(accepts: (token: unknown) => boolean = () => true) {
  const http = createServer();
  const server = new Server(http);
  const subscribed = new Inbox<Subscribed>();
  const authenticated = new Inbox<unknown>();
  server.use((socket, next) => {
    next(accepts(socket.handshake.auth['token']) ? undefined : new Error('UNAUTHORIZED'));
  });
  server.on('connection', (socket) => {
    socket.on('subscribe', (request, reply) => subscribed.put({ socket, request, reply }));
    socket.on('authenticate', (body) => authenticated.put(body));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  closers.push(() => server.close());
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, subscribed, authenticated };
}

function connect(url: string, options: Partial<LiveOptions> = {}) {
  const told = new Inbox<unknown>();
  const states: string[] = [];
  const live: LiveConnection = connectLive({
    base_url: url,
    token: 't0',
    rooms: ['agent'],
    onEvent: (e) => told.put(e.seq),
    onSnapshot: (_, seq) => told.put(`snapshot ${seq}`),
    onState: (state) => states.push(state),
    ...options,
  });
  closers.push(() => live.close());
  return { live, told, states };
}

describe('connectLive', () => {
  it('takes the snapshot first, then the events after it', async () => {
    const server = await serverOf();
    const { told, live } = connect(server.url);
    const { socket, request, reply } = await server.subscribed.take();
    expect(request).toEqual({ rooms: ['agent'] });
    socket.emit('events', [event(4), event(6)]);
    reply({ seq: 5, resync: false, snapshot });
    expect([await told.take(), await told.take()]).toEqual(['snapshot 5', 6]);
    expect(live.state).toBe('live');
    socket.emit('events', [event(7), { ...event(8), type: 'later.kind', payload: {} }, event(9)]);
    expect([await told.take(), await told.take()]).toEqual([7, 9]);
  });

  it('resumes after the last event when the line breaks, and takes a snapshot when told to', async () => {
    const server = await serverOf();
    const { told, states } = connect(server.url);
    const first = await server.subscribed.take();
    first.reply({ seq: 5, resync: false, snapshot });
    first.socket.emit('events', [event(6)]);
    expect([await told.take(), await told.take()]).toEqual(['snapshot 5', 6]);
    first.socket.conn.close();
    const second = await server.subscribed.take();
    expect(second.request).toEqual({ rooms: ['agent'], after_seq: 6 });
    second.reply({ seq: 40, resync: true, snapshot });
    expect(await told.take()).toBe('snapshot 40');
    expect(states).toEqual(['live', 'reconnecting', 'live']);
  });

  it('listens to other rooms with a new snapshot', async () => {
    const server = await serverOf();
    const { told, live } = connect(server.url);
    (await server.subscribed.take()).reply({ seq: 1, resync: false, snapshot });
    await told.take();
    live.setRooms(['agent:lead', 'turn']);
    const { request, reply } = await server.subscribed.take();
    expect(request).toEqual({ rooms: ['agent:lead', 'turn'] });
    reply({ seq: 2, resync: false, snapshot });
    expect(await told.take()).toBe('snapshot 2');
  });

  it('asks for another token when it is refused', async () => {
    const server = await serverOf((token) => token === 'good');
    const tokens = ['bad', 'good'];
    const { states } = connect(server.url, { token: () => tokens.shift() ?? 'good' });
    const { reply } = await server.subscribed.take();
    reply({ seq: 0, resync: false, snapshot });
    expect(states[0]).toBe('refused');
  });

  it('gives a new token before the old one ends', async () => {
    const server = await serverOf();
    const fresh = jwt(Date.now() + 3_600_000);
    // At connection, for the timer, then the renewal a second later (the first token is about to end).
    const tokens = [jwt(Date.now()), jwt(Date.now()), fresh];
    connect(server.url, { token: () => tokens.shift() });
    await server.subscribed.take();
    expect(await server.authenticated.take()).toEqual({ token: fresh });
  });
});
