import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** A receiver of webhooks on loopback that keeps what it gets, and answers as it is told. */
export class HookServer {
  readonly got: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  /** Statuses of the next answers; 200 when there are none left. */
  readonly answers: number[] = [];

  private constructor(private readonly server: Server) {}

  static async start(): Promise<HookServer> {
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        hook.got.push({ headers: request.headers, body });
        response.writeHead(hook.answers.shift() ?? 200, { location: '/elsewhere' }).end();
      });
    }).listen(0, '127.0.0.1');
    const hook = new HookServer(server);
    await once(server, 'listening');
    return hook;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
