import { join } from 'node:path';
import { io, type Socket } from 'socket.io-client';
import { freePort, NODE, NoxServer, ROOT } from '../test/support/nox-server.js';
import { within } from '../test/support/wait.js';
import type { Bench, Row } from './lib/bench.js';
import { peer } from './lib/peers.js';
import { startServer } from './lib/server-process.js';
import { figures, wallClock } from './lib/stats.js';

const CLIENTS = 10;
const RATE = 1000;

/** From an agent's write of a piece of text to its arrival in browsers' sockets; beside socket.io alone. */
export const events: Bench = {
  name: 'events',
  async run({ quick }): Promise<Row[]> {
    const count = RATE * (quick ? 2 : 10);
    const nox = await measureNox(count);
    const limit = await measureSocketIo(count);
    return [
      {
        what: `event, cause to socket, ${CLIENTS} clients, ${RATE}/s`,
        unit: 'ms',
        ...figures(nox),
        target: { below: 8, of: 'p99' },
        beside: [{ name: 'socket.io alone', ...figures(limit) }],
        runs: nox.length,
        note: 'cause = the agent writes the text; on the way Nox parses and journals it',
      },
    ];
  },
};

/** Clients that note how old each piece of text is when it arrives; `done` when each has had `count`. */
function listen(
  url: string,
  count: number,
  auth: object,
): { sockets: Socket[]; samples: number[]; done: Promise<void> } {
  const samples: number[] = [];
  const sockets = Array.from({ length: CLIENTS }, () => io(url, { transports: ['websocket'], auth, forceNew: true }));
  const done = new Promise<void>((resolve) => {
    const onEvents = (batch: { type: string; payload: { text?: string } }[]): void => {
      const now = wallClock();
      for (const { type, payload } of batch) {
        if (type !== 'turn.text_delta') continue;
        // Pieces may have been joined on the way: each holds the moment of its writing.
        for (const stamp of (payload.text ?? '').split(' ').slice(0, -1)) samples.push(now - Number(stamp));
      }
      if (samples.length >= CLIENTS * count) resolve();
    };
    for (const socket of sockets) socket.on('events', onEvents);
  });
  return { sockets, samples, done };
}

const connected = (socket: Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });

async function measureNox(count: number): Promise<number[]> {
  await using server = await NoxServer.start();
  const params = { id: 'ticker' };
  const command = [NODE, join(ROOT, 'bench', 'agents', 'ticker.mjs')];
  await server.call('agents_create', {
    body: { id: params.id, name: 'Ticker', runtime: 'command', command, start: true },
  });
  const { sockets, samples, done } = listen(server.url, count, { token: server.access_token });
  try {
    await within('all clients connected', Promise.all(sockets.map(connected)));
    await Promise.all(sockets.map((socket) => socket.emitWithAck('subscribe', { rooms: ['turn'] })));
    const reply = await server.call('agents_prompt', { params, body: { content: `tick ${RATE} ${count}` } });
    if (reply.status !== 'complete') throw new Error(`the turn ended ${reply.status}: ${reply.reason ?? ''}`);
    await within('all events at all clients', done);
    return samples;
  } finally {
    for (const socket of sockets) socket.disconnect();
  }
}

async function measureSocketIo(count: number): Promise<number[]> {
  const server = await startServer({ args: [peer('socket-io.mjs')], port: await freePort() });
  const { sockets, samples, done } = listen(server.url, count, {});
  try {
    await within('all clients connected', Promise.all(sockets.map(connected)));
    await sockets[0]?.timeout(120_000).emitWithAck('tick', { rate: RATE, count });
    await within('all events at all clients', done);
    return samples;
  } finally {
    for (const socket of sockets) socket.disconnect();
    await server.stop();
  }
}
