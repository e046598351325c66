import { join } from 'node:path';
import { io, type Socket } from 'socket.io-client';
import { freePort, NODE, NoxServer, ROOT } from '../test/support/nox-server.js';
import { within } from '../test/support/wait.js';
import type { Bench, Row } from './lib/bench.js';
import { createAgents } from './lib/fleet.js';
import { peer } from './lib/peers.js';
import { startServer } from './lib/server-process.js';
import { figures, wallClock } from './lib/stats.js';

const CLIENTS = 10;
const RATE = 1000;
/** One agent alone may not log so much. */
const LOGGING_AGENTS = 20;

/** From an agent's write to the arrival in browsers' sockets; beside socket.io alone. */
export const events: Bench = {
  name: 'events',
  async run({ quick }): Promise<Row[]> {
    const count = RATE * (quick ? 2 : 10);
    const log = await measureNox('log', LOGGING_AGENTS, count);
    const text = await measureNox('text', 1, count);
    const beside = [{ name: 'socket.io alone', ...figures(await measureSocketIo(count)) }];
    return [
      {
        what: `event, cause to socket, ${CLIENTS} clients, ${RATE}/s`,
        unit: 'ms',
        ...figures(log),
        target: { below: 8, of: 'p99' },
        beside,
        runs: log.length,
        note: `cause = one of ${LOGGING_AGENTS} agents writes a line; on the way Nox reads and journals it`,
      },
      {
        what: `streamed text, ${CLIENTS} clients, ${RATE} pieces/s`,
        unit: 'ms',
        ...figures(text),
        beside,
        runs: text.length,
        note: 'Nox joins pieces that come close together, so that a page repaints less often',
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
    const onEvents = (batch: { type: string; payload: { text?: string; line?: string } }[]): void => {
      const now = wallClock();
      for (const { type, payload } of batch) {
        if (type !== 'turn.text_delta' && type !== 'agent.log') continue;
        // Pieces may have been joined on the way: each holds the moment of its writing.
        for (const [stamp] of (payload.text ?? payload.line ?? '').matchAll(/\d[\d.]+/g))
          samples.push(now - Number(stamp));
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

/** `count` pieces in all, shared out among the agents, at RATE in all. */
async function measureNox(kind: 'log' | 'text', agents: number, count: number): Promise<number[]> {
  await using server = await NoxServer.start();
  const command = [NODE, join(ROOT, 'bench', 'agents', 'ticker.mjs')];
  const ids = await createAgents(server, agents, { runtime: 'command', command, start: true });
  const { sockets, samples, done } = listen(server.url, count, { token: server.access_token });
  try {
    await within('all clients connected', Promise.all(sockets.map(connected)));
    await Promise.all(sockets.map((socket) => socket.emitWithAck('subscribe', { rooms: ['turn', 'agent'] })));
    const content = `${kind} ${RATE / agents} ${count / agents}`;
    const turn = async (id: string): Promise<void> => {
      const { status, reason } = await server.call('agents_prompt', { params: { id }, body: { content } });
      if (status !== 'complete') throw new Error(`the turn of ${id} ended ${status}: ${reason ?? ''}`);
    };
    await Promise.all(ids.map(turn));
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
