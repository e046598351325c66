import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A mail server on loopback, as far as one letter needs it (RFC 5321), that keeps what it gets. */
export class MailServer {
  readonly got: string[] = [];
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<MailServer> {
    const server = createServer((socket) => mail.talk(socket)).listen(0, '127.0.0.1');
    const mail = new MailServer(server);
    await once(server, 'listening');
    return mail;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private talk(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let text = '';
    let letter = false;
    const say = (line: string): boolean => socket.write(`${line}\r\n`);
    say('220 loopback');
    socket.setEncoding('utf8').on('data', (data: string) => {
      text += data;
      for (;;) {
        const mark = letter ? '\r\n.\r\n' : '\r\n';
        const at = text.indexOf(mark);
        if (at < 0) return;
        const part = text.slice(0, at);
        text = text.slice(at + mark.length);
        if (letter) {
          this.got.push(part);
          letter = false;
          say('250 kept');
        } else if (/^DATA/i.test(part)) {
          letter = true;
          say('354 go on');
        } else if (/^QUIT/i.test(part)) {
          say('221 bye');
          socket.end();
        } else say('250 ok');
      }
    });
  }
}
