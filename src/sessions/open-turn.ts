import type { Turn } from '../contracts/turn.js';
import type { Parcel } from './mail.js';

/** A parcel that an agent has, and by which prompt. */
export interface OpenParcel extends Parcel {
  readonly prompt_uuid: string;
  /** The process has begun on it. */
  started: boolean;
}

/** A turn that has the pipe of its agent. */
export interface OpenTurn {
  readonly id: string;
  /** It was begun by messages, not by a person. */
  readonly is_mail: boolean;
  /** Messages that it has: those that began it, and those that were steered in. */
  readonly parcels: OpenParcel[];
  readonly started_ms: number;
  blocks: Turn['blocks'];
  /** Text that is not yet an event. */
  unsaid: string;
  timer: NodeJS.Timeout | undefined;
  /** A person wants it to end: it is not tried again. */
  cancelled?: boolean;
  /** Whoever ends it wants its messages to be handed over again. */
  requeue?: boolean;
  /** Nox ends it for a critical message: it goes on later. */
  preempted?: boolean;
  /** Receipts that are being stored: the end comes after them. */
  receipts?: Promise<unknown>;
  /** A message is on its way into it. */
  steering?: boolean;
}
