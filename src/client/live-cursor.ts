import type { AnyNoxEvent } from '../contracts/event.js';

/** What one answer to `subscribe` says about where we stand. */
export interface Position {
  readonly seq: number;
  /** The answer holds a snapshot as of `seq`. */
  readonly snapshot: boolean;
}

/**
 * Keeps a live connection in order, without I/O: while a subscription is not answered events wait; after a snapshot
 * those that it holds already are dropped; every event is told once, with growing `seq`, over any number of reconnects.
 */
export class LiveCursor {
  private waiting: AnyNoxEvent[] | undefined;
  private last_seq: number | undefined;

  /** The newest event that was told or is part of the snapshot; undefined before the first answer. */
  get seq(): number | undefined {
    return this.last_seq;
  }

  /** A subscription was sent: hold events until it is answered. */
  asked(): void {
    this.waiting ??= [];
  }

  /** It was answered (or refused: undefined). Gives back the events to tell now. */
  answered(position: Position | undefined): AnyNoxEvent[] {
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    // Without a snapshot the missed events come by themselves, before or after this answer.
    if (position?.snapshot === true) this.last_seq = position.seq;
    this.last_seq ??= position?.seq;
    return this.received(waiting);
  }

  /** Events came. Gives back those to tell now. */
  received(events: readonly AnyNoxEvent[]): AnyNoxEvent[] {
    if (this.waiting !== undefined) {
      this.waiting.push(...events);
      return [];
    }
    const told: AnyNoxEvent[] = [];
    for (const event of [...events].sort((a, b) => a.seq - b.seq)) {
      if (this.last_seq !== undefined && event.seq <= this.last_seq) continue;
      this.last_seq = event.seq;
      told.push(event);
    }
    return told;
  }
}
