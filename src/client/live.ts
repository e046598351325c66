import { io, type Socket } from 'socket.io-client';
import * as z from 'zod';
import { Agent } from '../contracts/agent.js';
import { Approval } from '../contracts/approval.js';
import { type AnyNoxEvent, parseEvent, SubscribeReply } from '../contracts/event.js';
import { LiveCursor } from './live-cursor.js';
import { backoffMs } from './request.js';
import { refreshDelayMs } from './token-life.js';

/** `refused`: the server wants another login; it is asked again, ever more slowly, as long as it is not closed. */
export type LiveState = 'connecting' | 'live' | 'reconnecting' | 'refused' | 'closed';

export interface LiveSnapshot {
  readonly agents: Agent[];
  readonly approvals: Approval[];
}

export interface LiveOptions {
  /** Without it: the page's own origin. */
  readonly base_url?: string;
  /** Asked at each connection, and again before the token that it gave ends. */
  readonly token: string | (() => string | undefined | Promise<string | undefined>);
  /** Areas as `approval`, agents as `agent:lead`. */
  readonly rooms: readonly string[];
  /** Each event once, in the order of `seq`. */
  readonly onEvent: (event: AnyNoxEvent) => void;
  /** The whole state, at first and whenever too much was missed: it replaces what was known. */
  readonly onSnapshot: (snapshot: LiveSnapshot, seq: number) => void;
  readonly onState?: (state: LiveState) => void;
  /** Told what the server sent that could not be read, or what a token source threw. */
  readonly onError?: (error: unknown) => void;
  readonly connect?: (url: string | undefined, options: Parameters<typeof io>[1]) => Socket;
}

const Snapshot = z.object({ agents: z.array(Agent), approvals: z.array(Approval) });

/** The connection over socket.io: snapshot, then live, over any number of reconnects. */
export class LiveConnection {
  private readonly socket: Socket;
  private readonly cursor = new LiveCursor();
  private rooms: readonly string[];
  private closed = false;
  private refusals = 0;
  private retry_timer: ReturnType<typeof setTimeout> | undefined;
  private token_timer: ReturnType<typeof setTimeout> | undefined;
  private current: LiveState = 'connecting';
  /** Counts subscriptions, so that the answer to an older one is passed over. */
  private subscription = 0;

  constructor(private readonly options: LiveOptions) {
    this.rooms = options.rooms;
    const connect = options.connect ?? ((url, opts) => (url === undefined ? io(opts) : io(url, opts)));
    this.socket = connect(options.base_url, {
      transports: ['websocket', 'polling'],
      reconnectionDelay: 300,
      reconnectionDelayMax: 5000,
      autoConnect: false,
      auth: (give) => {
        void this.token().then((token) => give({ token }));
      },
    });
    this.socket.on('connect', () => this.onConnect());
    this.socket.on('events', (batch: unknown) => this.onEvents(batch));
    this.socket.on('disconnect', () => this.onLost('reconnecting'));
    this.socket.on('connect_error', () => this.onLost(this.socket.active ? 'reconnecting' : 'refused'));
    this.socket.connect();
  }

  get state(): LiveState {
    return this.current;
  }

  /** Listens to these rooms instead; a new snapshot comes. */
  setRooms(rooms: readonly string[]): void {
    this.rooms = rooms;
    if (this.socket.connected) this.subscribe(undefined);
  }

  /** Gives the server the present token, so that the connection outlives the one it began with. */
  async authenticate(): Promise<void> {
    const token = await this.token();
    if (this.closed || token === undefined || !this.socket.connected) return;
    this.socket.emit('authenticate', { token });
    this.renewLater(token);
  }

  /** Ends it; nothing is told any more. */
  close(): void {
    this.closed = true;
    clearTimeout(this.retry_timer);
    clearTimeout(this.token_timer);
    this.socket.disconnect();
    this.setState('closed');
  }

  private onConnect(): void {
    this.refusals = 0;
    this.subscribe(this.cursor.seq);
    void this.token().then((token) => this.renewLater(token));
  }

  private subscribe(after_seq: number | undefined): void {
    this.cursor.asked();
    const subscription = ++this.subscription;
    this.socket.emit('subscribe', { rooms: this.rooms, after_seq }, (raw: unknown) => {
      if (this.closed || subscription !== this.subscription) return;
      this.onReply(raw);
    });
  }

  private onReply(raw: unknown): void {
    const reply = SubscribeReply.safeParse(raw);
    const snapshot =
      reply.success && reply.data.snapshot !== null ? Snapshot.safeParse(reply.data.snapshot) : undefined;
    const problem = reply.error ?? snapshot?.error;
    if (problem !== undefined) {
      this.options.onError?.(problem);
      this.tell(this.cursor.answered(undefined));
      this.setState('refused');
      return;
    }
    if (reply.data === undefined) return;
    if (snapshot?.data !== undefined) this.options.onSnapshot(snapshot.data, reply.data.seq);
    this.tell(this.cursor.answered({ seq: reply.data.seq, snapshot: snapshot !== undefined }));
    this.setState('live');
  }

  private onEvents(batch: unknown): void {
    if (this.closed || !Array.isArray(batch)) return;
    const events: AnyNoxEvent[] = [];
    for (const raw of batch) {
      try {
        const event = parseEvent(raw);
        if (event !== undefined) events.push(event);
      } catch (error) {
        this.options.onError?.(error);
      }
    }
    this.tell(this.cursor.received(events));
  }

  private tell(events: readonly AnyNoxEvent[]): void {
    for (const event of events) this.options.onEvent(event);
  }

  /** socket.io comes back by itself from a lost network, but not from a server that closed or refused. */
  private onLost(state: LiveState): void {
    if (this.closed) return;
    clearTimeout(this.token_timer);
    this.setState(state);
    if (this.socket.active) return;
    clearTimeout(this.retry_timer);
    const delay_ms = backoffMs(this.refusals, Math.random(), 1000, 30_000);
    this.refusals += 1;
    this.retry_timer = setTimeout(() => this.socket.connect(), delay_ms);
  }

  private renewLater(token: string | undefined): void {
    clearTimeout(this.token_timer);
    const delay_ms = token === undefined ? undefined : refreshDelayMs(token, Date.now());
    if (delay_ms === undefined || this.closed) return;
    this.token_timer = setTimeout(() => void this.authenticate(), delay_ms);
  }

  private async token(): Promise<string | undefined> {
    const { token } = this.options;
    if (typeof token === 'string') return token;
    try {
      return await token();
    } catch (error) {
      this.options.onError?.(error);
      return undefined;
    }
  }

  private setState(state: LiveState): void {
    if (state === this.current) return;
    this.current = state;
    this.options.onState?.(state);
  }
}

/** Opens the live connection. */
export const connectLive = (options: LiveOptions): LiveConnection => new LiveConnection(options);
