import { connect, type Socket } from 'node:net';

export interface SteadyLoad {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly connections: number;
  readonly per_second: number;
  readonly duration_s: number;
}

/**
 * Requests evenly over time, whether or not earlier ones have been answered, and the milliseconds that each took from
 * the moment at which it was due: a server that stalls is charged for all who wait. (autocannon's own rate sends each
 * second's share at once and then pauses, which measures bursts.) Bare sockets, so that the client takes little of the CPU.
 */
export async function steadyLoad(load: SteadyLoad): Promise<number[]> {
  const { hostname, port, pathname, search, host } = new URL(load.url);
  const lines = Object.entries({ host, ...load.headers }).map(([name, value]) => `${name}: ${value}`);
  const request = [`GET ${pathname}${search} HTTP/1.1`, ...lines, '', ''].join('\r\n');
  const sockets = new Set<Socket>();
  try {
    return await new Promise<number[]>((resolve, reject) => {
      const total = load.per_second * load.duration_s;
      const samples: number[] = [];
      /** When the requests that have no connection yet were due. */
      const waiting: number[] = [];
      const free: Socket[] = [];
      const under_way = new Map<Socket, number>();
      const send = (): void => {
        while (waiting.length > 0 && free.length > 0) {
          const socket = free.pop() as Socket;
          under_way.set(socket, waiting.shift() as number);
          socket.write(request);
        }
      };
      const open = (): void => {
        const socket = connect(Number(port), hostname).setNoDelay();
        sockets.add(socket);
        socket.on('error', reject);
        const use = (): void => {
          free.push(socket);
          send();
        };
        socket.once('connect', use);
        onAnswers(socket, ({ problem, last }) => {
          if (problem !== undefined) reject(new Error(`${load.url}: ${problem}`));
          samples.push(performance.now() - (under_way.get(socket) ?? Number.NaN));
          if (samples.length === total) resolve(samples);
          if (last) {
            sockets.delete(socket.destroy());
            open();
          } else use();
        });
      };
      for (let n = 0; n < load.connections; n += 1) open();
      const start = performance.now();
      let planned = 0;
      const timer = setInterval(() => {
        const due = Math.min(total, ((performance.now() - start) / 1000) * load.per_second);
        for (; planned < due; planned += 1) waiting.push(start + (planned / load.per_second) * 1000);
        send();
        if (planned === total) clearInterval(timer);
      }, 1);
    });
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

interface Answer {
  readonly problem?: string;
  /** The server closes this connection: it allows only so many requests on each. */
  readonly last: boolean;
}

/** Calls `done` at the end of each answer that has a Content-Length, one at a time per socket. */
function onAnswers(socket: Socket, done: (answer: Answer) => void): void {
  let head = '';
  let missing: number | undefined;
  socket.on('data', (chunk: Buffer) => {
    let body = chunk.length;
    if (missing === undefined) {
      const before = head.length;
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      body = before + chunk.length - (end + 4);
      head = head.slice(0, end);
      const length = /^content-length: (\d+)$/im.exec(head)?.[1];
      if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) {
        done({ problem: head, last: true });
        return;
      }
      missing = Number(length);
    }
    missing -= body;
    if (missing > 0) return;
    const last = /^connection: close$/im.test(head);
    head = '';
    missing = undefined;
    done({ last });
  });
}
