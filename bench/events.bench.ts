import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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
const AGENTS = 20;

/** From an agent's write to the arrival in browsers' sockets; beside socket.io alone. */
export const events: Bench = {
  name: 'events',
  async run({ quick }): Promise<Row[]> {
    const count = RATE * (quick ? 2 : 10);
    const blocks = await measureNox('block', AGENTS, count);
    const text = await measureNox('text', 1, count);
    const beside = [{ name: 'socket.io alone', ...figures(await measureSocketIo(count)) }];
    return [
      {
        what: `event, cause to socket, ${CLIENTS} clients, ${RATE}/s`,
        unit: 'ms',
        ...figures(blocks),
        target: { below: 8, of: 'p99' },
        beside,
        runs: blocks.length,
        note: `${arrived(blocks, count)}; cause = one of ${AGENTS} agents writes a whole text; on the way Nox reads and journals it`,
      },
      {
        what: `streamed text, ${CLIENTS} clients, ${RATE} pieces/s`,
        unit: 'ms',
        ...figures(text),
        beside,
        runs: text.length,
        note: `${arrived(text, count)}; Nox joins pieces that come close together, so that a page repaints less often`,
      },
    ];
  },
};

const arrived = (samples: readonly number[], count: number): string =>
  `${((100 * samples.length) / (count * CLIENTS)).toFixed(1)} % arrived`;

/** Clients that note how old each piece of text is when it arrives. */
function listen(url: string, auth: object): { sockets: Socket[]; samples: number[] } {
  const samples: number[] = [];
  const onEvents = (batch: { type: string; payload: { text?: string } }[]): void => {
    const now = wallClock();
    for (const { type, payload } of batch) {
      if (type !== 'turn.text_delta' && type !== 'turn.text') continue;
      // Pieces may have been joined on the way: each holds the moment of its writing, milliseconds since 1970.
      for (const [stamp] of (payload.text ?? '').matchAll(/\d{13}[\d.]*/g)) samples.push(now - Number(stamp));
    }
  };
  const sockets = Array.from({ length: CLIENTS }, () => {
    const socket = io(url, { transports: ['websocket'], auth, forceNew: true });
    return socket.on('events', onEvents);
  });
  return { sockets, samples };
}

/** Resolves when nothing has arrived for a second. Rejects when so much is missing that the figures would flatter. */
async function settled(samples: readonly number[], count: number): Promise<void> {
  for (let before = -1; before < samples.length; await delay(1000)) before = samples.length;
  const share = samples.length / (count * CLIENTS);
  if (share < 0.98) throw new Error(`only ${(share * 100).toFixed(1)} % of the events arrived`);
}

const connected = (socket: Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });

/** `count` pieces in all, shared out among the agents, at RATE in all. */
async function measureNox(kind: 'block' | 'text', agents: number, count: number): Promise<number[]> {
  await using server = await NoxServer.start();
  const command = [NODE, join(ROOT, 'bench', 'agents', 'ticker.mjs')];
  const ids = await createAgents(server, agents, { runtime: 'command', command, start: true });
  const { sockets, samples } = listen(server.url, { token: server.access_token });
  try {
    await within('all clients connected', Promise.all(sockets.map(connected)));
    await Promise.all(sockets.map((socket) => socket.emitWithAck('subscribe', { rooms: ['turn'] })));
    const content = `${kind} ${RATE / agents} ${count / agents}`;
    const turn = async (id: string): Promise<void> => {
      const { status, reason } = await server.call('agents_prompt', { params: { id }, body: { content } });
      if (status !== 'complete') throw new Error(`the turn of ${id} ended ${status}: ${reason ?? ''}`);
    };
    await Promise.all(ids.map(turn));
    await settled(samples, count);
    return samples;
  } finally {
    for (const socket of sockets) socket.disconnect();
  }
}

async function measureSocketIo(count: number): Promise<number[]> {
  const server = await startServer({ args: [peer('socket-io.mjs')], port: await freePort() });
  const { sockets, samples } = listen(server.url, {});
  try {
    await within('all clients connected', Promise.all(sockets.map(connected)));
    await sockets[0]?.timeout(120_000).emitWithAck('tick', { rate: RATE, count });
    await settled(samples, count);
    return samples;
  } finally {
    for (const socket of sockets) socket.disconnect();
    await server.stop();
  }
}
