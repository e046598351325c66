import type { IncomingMessage } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { OriginGuard } from '../shared/http/origin-guard.js';
import { messageOf } from '../shared/nox-error.js';

// The adapter brings its own socket.io; its types are taken from there.
type Server = ReturnType<IoAdapter['createIOServer']>;
type ServerOptions = NonNullable<Parameters<IoAdapter['createIOServer']>[1]>;

/**
 * Puts socket.io behind the origin guard. Its own `cors` option does not cover the WebSocket transport, and its requests
 * never reach the HTTP hooks.
 */
export class RealtimeAdapter extends IoAdapter {
  constructor(
    app: INestApplicationContext,
    private readonly guard: OriginGuard,
  ) {
    super(app);
  }

  override createIOServer(port: number, options?: ServerOptions): Server {
    const allowRequest = (
      request: IncomingMessage,
      answer: (error: string | null | undefined, success: boolean) => void,
    ): void => {
      try {
        this.guard.check(request.headers);
      } catch (error) {
        answer(messageOf(error), false);
        return;
      }
      answer(null, true);
    };
    return super.createIOServer(port, { ...options, allowRequest } as ServerOptions);
  }

  /** Ends the sockets only: the HTTP server below finishes its answers and is closed by its own adapter. */
  override close(server: Server): Promise<void> {
    server.disconnectSockets(true);
    server.engine.close();
    return Promise.resolve();
  }
}
