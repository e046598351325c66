import { Inject, Logger, type OnModuleDestroy } from '@nestjs/common';
import {
  Ack,
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import type { DefaultEventsMap, Server, Socket } from 'socket.io';
import type { z } from 'zod';
import { Logins } from '../auth/logins.js';
import {
  type AnyNoxEvent,
  AuthenticateRequest,
  roomsOf,
  type SocketClosing,
  type SocketRefusal,
  type SubscribeReply,
  SubscribeRequest,
  UnsubscribeRequest,
} from '../contracts/event.js';
import { EventLog } from '../events/event-log.js';
import { Clock } from '../shared/clock.js';
import { toNoxError } from '../shared/http/problem.js';
import type { LoginHandle } from '../shared/http/route.js';
import { NoxError, validationError } from '../shared/nox-error.js';
import { type Audience, Fanout } from './fanout.js';
import { replay } from './replay.js';
import { bufferedBytes } from './socket-buffer.js';
import { SnapshotSource } from './snapshot-source.js';

/** Events of one tick go out as one frame. */
export const TICK_MS = 4;
export const MAX_BUFFERED_BYTES = 1024 * 1024;
export const MAX_SOCKETS_PER_ADDRESS = 256;

interface SocketData {
  login: LoginHandle;
  /** Stops waiting for the end of the login. */
  unwatch: () => void;
}
export type LiveSocket = Socket<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, SocketData>;
type Answer = ((reply: unknown) => void) | undefined;

/**
 * The live connection of dashboards and programs. A socket logs in with its handshake, chooses rooms by `subscribe`,
 * and then gets every event of them once, in order, in frames `events: NoxEvent[]`: after the snapshot of its answer,
 * or after the replay of what it missed. It ends with its login, and when its client reads too slowly.
 */
@WebSocketGateway({
  path: '/socket.io',
  transports: ['websocket', 'polling'],
  serveClient: false,
  maxHttpBufferSize: 64 * 1024,
  connectTimeout: 10_000,
  pingInterval: 25_000,
  pingTimeout: 20_000,
})
export class LiveGateway implements OnGatewayInit, OnGatewayConnection, OnGatewayDisconnect, OnModuleDestroy {
  /** socket.io's own; undefined until the application is initialised. */
  server: Server | undefined;
  private readonly logger = new Logger('realtime');
  private readonly fanout = new Fanout<LiveSocket, AnyNoxEvent>(roomsOf, (to, events) => this.deliver(to, events));
  private readonly per_address = new Map<string, number>();
  private tick_pending = false;
  private last_tick_ms = 0;
  private unsubscribe: () => void = () => undefined;

  constructor(
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Logins) private readonly logins: Logins,
    @Inject(SnapshotSource) private readonly snapshots: SnapshotSource,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  afterInit(server: Server): void {
    if (server.engine.opts.allowRequest === undefined) {
      throw new Error('the live gateway needs the RealtimeAdapter, which guards it: call configureRealtime()');
    }
    this.server = server;
    server.use((socket: LiveSocket, next) => {
      try {
        this.admit(socket);
        next();
      } catch (error) {
        next(Object.assign(new Error('refused'), { data: refusalOf(error) }));
      }
    });
    this.unsubscribe = this.events.subscribe((event) => {
      if (this.fanout.offer(event)) this.scheduleTick();
    });
  }

  handleConnection(socket: LiveSocket): void {
    const { address } = socket.handshake;
    this.per_address.set(address, (this.per_address.get(address) ?? 0) + 1);
    this.watchLogin(socket);
  }

  handleDisconnect(socket: LiveSocket): void {
    socket.data.unwatch();
    this.fanout.leave(socket);
    const { address } = socket.handshake;
    const left = (this.per_address.get(address) ?? 1) - 1;
    if (left > 0) this.per_address.set(address, left);
    else this.per_address.delete(address);
  }

  onModuleDestroy(): void {
    this.unsubscribe();
    this.fanout.flush();
    this.server?.emit('closing', { reason: 'shutting_down' } satisfies SocketClosing);
  }

  @SubscribeMessage('subscribe')
  onSubscribe(@ConnectedSocket() socket: LiveSocket, @MessageBody() body: unknown, @Ack() answer: Answer): void {
    respond(answer, () => {
      const request = parse(SubscribeRequest, body);
      const wants = (event: AnyNoxEvent): boolean => roomsOf(event).some((room) => rooms.has(room));
      const { rooms, id } = this.fanout.join(socket, request.rooms);
      this.leaveAudiences(socket);
      void socket.join(id);
      // From here to the end nothing else runs, so no event can fall between what is told now and what comes live.
      const { after_seq } = request;
      const missed = after_seq === undefined ? undefined : replay(this.events, after_seq, wants);
      if (missed !== undefined && missed.length > 0) socket.emit('events', missed);
      const snapshot =
        missed === undefined ? { agents: this.snapshots.agents(), approvals: this.snapshots.approvals() } : null;
      const resync = after_seq !== undefined && missed === undefined;
      return { seq: this.events.lastSeq(), resync, snapshot } satisfies SubscribeReply;
    });
  }

  @SubscribeMessage('unsubscribe')
  onUnsubscribe(@ConnectedSocket() socket: LiveSocket, @MessageBody() body: unknown, @Ack() answer: Answer): void {
    respond(answer, () => {
      const { rooms } = parse(UnsubscribeRequest, body);
      const left = [...(this.fanout.audienceOf(socket)?.rooms ?? [])].filter((room) => rooms?.includes(room) === false);
      this.fanout.leave(socket);
      this.leaveAudiences(socket);
      if (left.length > 0) void socket.join(this.fanout.join(socket, left).id);
      return {};
    });
  }

  @SubscribeMessage('authenticate')
  onAuthenticate(@ConnectedSocket() socket: LiveSocket, @MessageBody() body: unknown, @Ack() answer: Answer): void {
    respond(answer, () => {
      const login = this.logins.verify(parse(AuthenticateRequest, body).token);
      if (login.username !== socket.data.login.username) {
        throw new NoxError('FORBIDDEN', 'This connection belongs to another user; open one of your own.');
      }
      socket.data.unwatch();
      socket.data.login = login;
      this.watchLogin(socket);
      return { expires_at: this.clock.iso(login.expires_at_ms) };
    });
  }

  /** Throws unless the handshake has a good token and the address has sockets left. */
  private admit(socket: LiveSocket): void {
    const { token } = socket.handshake.auth as { token?: unknown };
    const login = this.logins.verify(typeof token === 'string' ? token : undefined);
    const open = this.per_address.get(socket.handshake.address) ?? 0;
    if (open >= MAX_SOCKETS_PER_ADDRESS) {
      throw new NoxError('RESOURCE_LIMIT_EXCEEDED', `There are ${open} live connections from this address already.`);
    }
    socket.data = { login, unwatch: () => undefined };
  }

  private watchLogin(socket: LiveSocket): void {
    socket.data.unwatch = socket.data.login.onEnd((how) => {
      const reason = how === 'expired' ? 'token_expired' : 'token_revoked';
      socket.emit('closing', { reason } satisfies SocketClosing);
      socket.disconnect(true);
    });
  }

  private scheduleTick(): void {
    if (this.tick_pending) return;
    this.tick_pending = true;
    // A lone event goes out at once; only what follows it closely waits for the tick.
    const delay_ms = Math.max(0, this.last_tick_ms + TICK_MS - this.clock.now());
    this.clock.after(delay_ms, () => {
      this.tick_pending = false;
      this.last_tick_ms = this.clock.now();
      this.fanout.flush();
    });
  }

  private deliver(audience: Audience<LiveSocket>, events: readonly AnyNoxEvent[]): void {
    this.server?.to(audience.id).emit('events', events);
    for (const socket of audience.members) if (bufferedBytes(socket) > MAX_BUFFERED_BYTES) this.cutOff(socket);
  }

  /** Its buffer is thrown away, so the reason may not arrive; on coming back it resumes by `after_seq`. */
  private cutOff(socket: LiveSocket): void {
    const { username } = socket.data.login;
    this.logger.warn({ username, address: socket.handshake.address, reason: 'resync_required' }, 'slow client cut off');
    socket.emit('closing', { reason: 'resync_required' } satisfies SocketClosing);
    socket.conn.close(true);
  }

  private leaveAudiences(socket: LiveSocket): void {
    const now = this.fanout.audienceOf(socket)?.id;
    for (const room of socket.rooms) if (room !== socket.id && room !== now) void socket.leave(room);
  }
}

function parse<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const result = schema.safeParse(body ?? undefined);
  if (!result.success) throw validationError('message', result.error);
  return result.data;
}

function respond(answer: Answer, work: () => unknown): void {
  const reply = attempt(work);
  if (typeof answer === 'function') answer(reply);
}

function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return refusalOf(error);
  }
}

function refusalOf(error: unknown): SocketRefusal {
  const { code, message, details } = toNoxError(error);
  return { error: { code, message, ...(details === undefined ? {} : { details }) } };
}
