import type { Redis } from 'ioredis';
import { messageOf } from '../shared/nox-error.js';

/** An answer that takes longer counts as none, so that a publisher is answered within 2 s. */
const COMMAND_TIMEOUT_MS = 1500;
const CONNECT_TIMEOUT_MS = 1500;
const RETRY_MS = { first: 100, most: 2000 };

export type LinkState =
  | { readonly is: 'ready'; readonly detail: string }
  | { readonly is: 'away'; readonly detail: string }
  /** It must not be used as it is configured. */
  | { readonly is: 'refused'; readonly detail: string };

/** The server's name for people, without its password. */
export function nameOf(url: string): string {
  const { hostname, port, pathname, protocol } = new URL(url);
  const db = pathname.length > 1 ? pathname : '';
  return `${protocol}//${hostname}:${port === '' ? 6379 : port}${db}`;
}

/** What is wrong with a Redis for keeping messages, by its INFO; undefined when it can be trusted. */
export function unfitness(info: string): string | undefined {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1];
  if (field('role') === 'slave') return 'it is a replica: set NOX_REDIS_URL to the primary';
  if (field('aof_enabled') !== '1') {
    return 'it does not keep an append-only file, so its crash would lose messages: run "redis-cli config set appendonly yes" and set "appendonly yes" in redis.conf';
  }
  const policy = field('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    return `it may drop messages when memory is short (maxmemory-policy ${policy}): run "redis-cli config set maxmemory-policy noeviction" and set it in redis.conf`;
  }
  if (field('aof_last_write_status') === 'err') return 'it cannot write its append-only file: look at its disk';
  return undefined;
}

/**
 * The connection to Redis. It connects again by itself for ever; each time it is examined before it is used. Commands
 * are neither queued nor sent again while it is away, since their effect would come at a time nobody expects.
 */
export class RedisLink {
  private state: LinkState;
  private generation = 0;
  private closed = false;
  /** Why it could not be prepared, the last time. */
  private unusable: string | undefined;
  readonly redis: Redis;

  private constructor(
    RedisClass: typeof Redis,
    readonly url: string,
    private readonly on: {
      /** Makes use of it possible; the state becomes `ready` when this resolves. */
      readonly prepare: (redis: Redis) => Promise<void>;
      readonly change: (state: LinkState) => void;
    },
  ) {
    this.state = { is: 'away', detail: `${this.name} was not reached yet` };
    this.redis = new RedisClass(url, {
      lazyConnect: true,
      connectTimeout: CONNECT_TIMEOUT_MS,
      commandTimeout: COMMAND_TIMEOUT_MS,
      enableOfflineQueue: false,
      // `examine` is the check: it can say why it waits.
      enableReadyCheck: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: null,
      retryStrategy: (times) => Math.min(RETRY_MS.first * 2 ** Math.min(times, 10), RETRY_MS.most),
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    });
    this.redis.on('ready', () => void this.examine());
    this.redis.on('close', () => this.lost(this.unusable ?? 'the connection to it was lost'));
    this.redis.on('error', (error: Error) => this.lost(messageOf(error)));
  }

  static async create(url: string, on: RedisLink['on']): Promise<RedisLink> {
    const { Redis: RedisClass } = await import('./redis-packages.js');
    return new RedisLink(RedisClass, url, on);
  }

  get name(): string {
    return `Redis at ${nameOf(this.url)}`;
  }

  get now(): LinkState {
    return this.state;
  }

  /** Resolves when it is ready or refused, or after the time in which it should have been. */
  async open(timeout_ms: number): Promise<LinkState> {
    // A first try that fails is tried again by the client itself.
    this.redis.connect().catch((error: unknown) => this.lost(messageOf(error)));
    const end = performance.now() + timeout_ms;
    while (this.state.is === 'away' && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.state;
  }

  /** After an answer that never came the connection may be half open: a new one tells. */
  suspect(error: unknown): void {
    if (messageOf(error) !== 'Command timed out' || this.state.is !== 'ready') return;
    this.lost('it did not answer in time');
    this.redis.disconnect(true);
  }

  close(): void {
    this.closed = true;
    this.redis.disconnect();
  }

  private async examine(): Promise<void> {
    this.generation += 1;
    const { generation } = this;
    try {
      const info = await this.redis.info();
      if (/^loading:1/m.test(info)) throw new Error('it has started and is loading its data still');
      const problem = unfitness(info);
      if (problem === undefined) await this.on.prepare(this.redis);
      if (generation !== this.generation || this.closed) return;
      this.unusable = undefined;
      if (problem === undefined) this.become({ is: 'ready', detail: this.name });
      else this.become({ is: 'refused', detail: `${this.name} is not used: ${problem}` });
    } catch (error) {
      if (generation !== this.generation || this.closed) return;
      this.redis.disconnect(true);
      this.unusable = messageOf(error);
      this.lost(this.unusable);
    }
  }

  private lost(why: string): void {
    if (this.closed) return;
    this.generation += 1;
    if (this.state.is !== 'away') this.become({ is: 'away', detail: `${this.name} is away: ${why}` });
    else this.state = { is: 'away', detail: `${this.name} is away: ${why}` };
  }

  private become(state: LinkState): void {
    this.state = state;
    this.on.change(state);
  }
}
