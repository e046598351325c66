import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Stands between a client and a server on loopback, as a bad network does. */
export class TcpProxy implements AsyncDisposable {
  /** How long each piece is under way, in both directions; in the order in which they were sent. */
  latency_ms = 0;
  /** Connections stay open, new ones are taken, and nothing passes: both sides wait for an answer. */
  half_open = false;
  /** The next answer does not arrive: the connection ends instead, and nobody knows what the server has done. */
  lose_answer = false;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target_port: number,
  ) {
    server.on('connection', (client) => this.join(client));
  }

  static async start(target_port: number): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, target_port);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Ends every connection, in the middle of whatever is under way. New ones are taken. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.cut();
    await closed;
  }

  private join(client: Socket): void {
    const server = connect(this.target_port, '127.0.0.1');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (piece) => {
        if (this.half_open) return;
        if (this.lose_answer && from === server) {
          this.lose_answer = false;
          client.resetAndDestroy();
          return;
        }
        // Timers of one delay fire in their order.
        if (this.latency_ms === 0) to.write(piece);
        else setTimeout(() => to.writable && to.write(piece), this.latency_ms).unref();
      });
      // A side that has gone takes the other with it.
      from.on('error', () => undefined);
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }
}
