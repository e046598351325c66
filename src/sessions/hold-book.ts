import { Inject, Injectable } from '@nestjs/common';
import type { Activity } from '../contracts/agent.js';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';

/** `throttle`: the model refuses others, and turns try it one at a time. */
export type HoldCause = 'model' | 'throttle' | 'login' | 'budget' | 'storm';

/** Why an agent's turns wait although its process could take one. */
export interface Hold {
  readonly cause: HoldCause;
  readonly reason: string;
  /** When it is over by itself; null: when a person has done something. */
  readonly resume_ms: number | null;
}

/** What the agent does meanwhile. Without a login it is idle: nothing will happen by itself. */
export const HELD_ACTIVITY: Readonly<Record<HoldCause, Activity>> = {
  model: 'quota',
  throttle: 'quota',
  login: 'idle',
  budget: 'parked',
  storm: 'parked',
};

/**
 * The holds in force, one per agent at most. Contract: a hold counts from the moment it is put, and it survives a
 * restart of Nox; one timer tells those that are over.
 */
@Injectable()
export class HoldBook {
  private readonly holds = new Map<string, Hold>();
  private cancelTimer: () => void = () => undefined;
  /** Set by the owner: told of each hold whose time has come; the hold is gone then. */
  onDue: (agent_id: string, hold: Hold) => void = () => undefined;
  /** Set by the owner: a hold that the journal refused to forget. */
  onLost: (agent_id: string, error: unknown) => void = () => undefined;

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** After a start of Nox: takes up what an earlier one held. What is over meanwhile is told at once. */
  recover(): void {
    for (const { agent_id, ...hold } of this.db.all<Hold & { agent_id: string }>(
      'SELECT agent_id, cause, reason, resume_ms FROM holds',
    )) {
      this.holds.set(agent_id, hold);
    }
    this.tellDue();
  }

  of(agent_id: string): Hold | undefined {
    return this.holds.get(agent_id);
  }

  agents(cause: HoldCause): string[] {
    return [...this.holds].flatMap(([agent_id, hold]) => (hold.cause === cause ? [agent_id] : []));
  }

  /** Holds the agent from now on, in place of any hold before; the answer stores it with the change it is part of. */
  put(agent_id: string, hold: Hold): (tx: Tx) => void {
    this.holds.set(agent_id, hold);
    this.arm();
    return (tx) => {
      tx.run(
        `INSERT INTO holds (agent_id, cause, reason, resume_ms) VALUES (?, ?, ?, ?) ON CONFLICT (agent_id) DO UPDATE
           SET cause = excluded.cause, reason = excluded.reason, resume_ms = excluded.resume_ms`,
        agent_id,
        hold.cause,
        hold.reason,
        hold.resume_ms,
      );
    };
  }

  /** Ends a hold; undefined when there was none (of this cause). */
  release(agent_id: string, cause?: HoldCause): Hold | undefined {
    const hold = this.holds.get(agent_id);
    if (hold === undefined || (cause !== undefined && hold.cause !== cause)) return undefined;
    this.holds.delete(agent_id);
    this.arm();
    this.db
      .write((tx) => {
        tx.run('DELETE FROM holds WHERE agent_id = ?', agent_id);
        // No turn says any more that it waits for this.
        tx.run("UPDATE turns SET reason = NULL, resume_ms = NULL WHERE agent_id = ? AND status = 'queued'", agent_id);
      })
      .catch((error: unknown) => this.onLost(agent_id, error));
    return hold;
  }

  private arm(): void {
    this.cancelTimer();
    const next_ms = Math.min(...[...this.holds.values()].map(dueMs));
    this.cancelTimer = Number.isFinite(next_ms)
      ? this.clock.after(Math.max(0, next_ms - this.clock.now()), () => this.tellDue())
      : () => undefined;
  }

  private tellDue(): void {
    const now_ms = this.clock.now();
    for (const [agent_id, hold] of this.holds) {
      if (dueMs(hold) > now_ms) continue;
      this.release(agent_id);
      this.onDue(agent_id, hold);
    }
    this.arm();
  }
}

/** When a hold is over by itself. Those that wait one behind another are let go by whoever lets them wait. */
const dueMs = ({ cause, resume_ms }: Hold): number =>
  cause === 'throttle' ? Number.POSITIVE_INFINITY : (resume_ms ?? Number.POSITIVE_INFINITY);
