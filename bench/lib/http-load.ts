import { connect, type Socket } from 'node:net';

export interface HttpLoad {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly connections: number;
  /** Evenly over time, whether or not earlier ones have been answered; without it each connection asks all the time. */
  readonly per_second?: number;
  readonly duration_s: number;
}

/**
 * GETs over bare sockets, so that the client takes little of the CPU, and the milliseconds that each took. A paced one
 * counts from the moment at which it was due: a server that stalls is charged for all who wait.
 */
export async function httpLoad({ url, headers, connections, per_second, duration_s }: HttpLoad): Promise<number[]> {
  const { hostname, port, pathname, search, host } = new URL(url);
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}`);
  const request = [`GET ${pathname}${search} HTTP/1.1`, ...lines, '', ''].join('\r\n');
  const sockets = new Set<Socket>();
  const free: Socket[] = [];
  const due_of = new Map<Socket, number>();
  const samples: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const start = performance.now();
      const end = start + duration_s * 1000;
      let sent = 0;
      /** When the next request is due; undefined when there is none now. */
      const next = (now: number): number | undefined => {
        const due = per_second === undefined ? now : start + (sent / per_second) * 1000;
        return due <= now && due < end ? due : undefined;
      };
      const send = (): void => {
        const now = performance.now();
        for (;;) {
          const due = free.length === 0 ? undefined : next(now);
          const socket = due === undefined ? undefined : free.pop();
          if (due === undefined || socket === undefined) break;
          due_of.set(socket, due);
          socket.write(request);
          sent += 1;
        }
        if (now >= end && due_of.size === 0) resolve();
      };
      const open = (): void => {
        const socket = connect(Number(port), hostname).setNoDelay();
        sockets.add(socket);
        const use = (): void => {
          free.push(socket);
          send();
        };
        socket.on('error', reject).once('connect', use);
        // One that we have not closed: nobody would ever answer on it.
        socket.once('close', () => {
          if (!sockets.delete(socket)) return;
          if (due_of.has(socket)) reject(new Error(`${url}: the connection was closed before its answer`));
          else free.splice(free.indexOf(socket), 1);
          open();
        });
        onAnswers(socket, ({ problem, last }) => {
          if (problem !== undefined) reject(new Error(`${url}: ${problem}`));
          samples.push(performance.now() - (due_of.get(socket) ?? Number.NaN));
          due_of.delete(socket);
          if (!last) {
            use();
            return;
          }
          sockets.delete(socket.destroy());
          open();
        });
      };
      for (let n = 0; n < connections; n += 1) open();
      timer = setInterval(send, 1);
    });
    return samples;
  } finally {
    clearInterval(timer);
    const left = [...sockets];
    sockets.clear();
    for (const socket of left) socket.destroy();
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
