import type { ComponentHealth } from '../contracts/system.js';
import type { MessagePriority } from '../contracts/message.js';
import type { Tx } from '../shared/db/state-db.js';

/** Where an entry lies. */
export interface EntryRef {
  /** `msg_` and a ULID, whose time says since when it waits. */
  readonly id: string;
  readonly agent_id: string;
  readonly priority: MessagePriority;
}

/** What a queue holds: enough to make the message again, should the journal not know it. */
export interface QueueEntry extends EntryRef {
  readonly body: string;
}

export interface NewEntry extends QueueEntry {
  /** Not handed out before; null: at once. */
  readonly due_ms: number | null;
}

/** What a claim may take. */
export interface Want {
  readonly open: readonly MessagePriority[];
  readonly overdue: boolean;
  readonly at_most: number;
  /** So many at once, all of the priority of the first. */
  readonly limit: number;
}

export interface Depth {
  readonly agent_id: string;
  readonly priority: MessagePriority;
  readonly waiting: number;
  readonly delayed: number;
  readonly leased: number;
}

/** What the journal knows, for putting a queue right after a crash. */
export interface JournalView {
  /** `ended` also for one that must not be delivered any more; `unknown` when the crash came before the journal. */
  fate(id: string): 'unknown' | 'waiting' | 'leased' | 'ended';
  /** Stores a message that only the queue knows. */
  adopt(entries: readonly QueueEntry[]): Promise<void>;
  /** All that should be in the queue and are not leased. */
  waiting(): Iterable<NewEntry>;
  /** Ids of all that are claimed. */
  leased(): Iterable<string>;
}

export interface BrokerHealth {
  readonly available: boolean;
  readonly health: ComponentHealth;
}

/**
 * A durable queue for each agent. Contract, the same for each adapter (`test/contract/broker.contract.spec.ts`):
 * - What `publish` resolved for survives the end of Nox, and of the queue's server, at any later instant.
 * - Entries of one priority go in the order of their publishing; across priorities `chooseNext` decides. One that was
 *   put back without delay is the first of its priority again; one that was delayed comes behind those that wait when it is due.
 * - A claimed entry is handed to nobody else until it is requeued, also not after a restart.
 * - `journal` is the work that the journal does for the same change. It is durable before the queue forgets an entry, and
 *   when it throws, nothing has happened.
 * - An unknown entry is nothing to ack, requeue or remove: no error.
 * - While the queue cannot be reached, publish and claim reject with BROKER_UNAVAILABLE within 2 s; what was to be
 *   acked, requeued or removed is journalled and made up for later.
 */
export abstract class BrokerPort {
  abstract readonly adapter: 'sqlite' | 'redis';
  /**
   * Whether a claim that is asked for in the same turn of the event loop as a publish shares its change: then it is not
   * durable without what it claims.
   */
  abstract readonly claims_unstored: boolean;
  /** Set by the service: the queue can (not) be reached. */
  onAvailability: (available: boolean, detail: string) => void = () => undefined;

  /** Resolves when the queue can be used, or it is known that it has to be waited for. Rejects when it must not be used. */
  abstract open(view: JournalView): Promise<void>;
  /** All or none of the entries. An entry with a known id changes nothing. */
  abstract publish<T>(entries: readonly NewEntry[], journal: (tx: Tx) => T): Promise<T>;
  abstract claim<T>(agent_id: string, want: Want, journal: (tx: Tx, entries: readonly QueueEntry[]) => T): Promise<T>;
  /** Forgets claimed entries. */
  abstract ack<T>(refs: readonly EntryRef[], journal: (tx: Tx) => T): Promise<T>;
  /** The same as part of a change that the journal makes anyway: the queue forgets them when that is durable. */
  abstract ackIn(tx: Tx, refs: readonly EntryRef[]): void;
  /** Puts a claimed entry back, now or when it is due. */
  abstract requeue<T>(entry: NewEntry, journal: (tx: Tx) => T): Promise<T>;
  /** Forgets entries that wait. */
  abstract remove<T>(refs: readonly EntryRef[], journal: (tx: Tx) => T): Promise<T>;
  abstract depth(): Promise<Depth[]>;
  abstract status(): BrokerHealth;
  abstract close(): Promise<void>;
}

/** The time in an entry's id. */
export function sinceMs(id: string): number {
  let ms = 0;
  for (const digit of id.slice(4, 14)) ms = ms * 32 + CROCKFORD.indexOf(digit);
  return ms;
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
