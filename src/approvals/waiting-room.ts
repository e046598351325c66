import type { Clock } from '../shared/clock.js';
import type { PendingFilter } from './approval-store.js';
import type { GateDecision } from './gate.js';

interface Waiter {
  readonly agent_id: string;
  readonly turn_id: string | null;
  readonly expires_ms: number;
  readonly signal: AbortSignal;
  readonly resolve: (decision: GateDecision) => void;
}

/** The living calls that wait for a decision, and one timer for the one that expires next. */
export class WaitingRoom {
  private readonly waiters = new Map<string, Waiter>();
  private timer: { at_ms: number; cancel: () => void } | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly onDue: () => void,
  ) {}

  /** Resolves when the request is released. */
  enter(id: string, waiter: Omit<Waiter, 'resolve'>): Promise<GateDecision> {
    return new Promise((resolve) => {
      this.waiters.set(id, { ...waiter, resolve });
      this.arm(waiter.expires_ms);
    });
  }

  /** Whether a call still waits for this request and would take an answer. */
  isWaiting(id: string): boolean {
    return this.waiters.get(id)?.signal.aborted === false;
  }

  /** Hands a decision to the call; no effect when it does not wait. */
  release(id: string, decision: GateDecision): void {
    this.waiters.get(id)?.resolve(decision);
    this.waiters.delete(id);
  }

  /** The requests that calls wait for, among those that are meant. */
  matching({ id, agent_id, turn_id, expired_at_ms }: PendingFilter): string[] {
    return [...this.waiters]
      .filter(
        ([key, waiter]) =>
          (id === undefined || key === id) &&
          (agent_id === undefined || waiter.agent_id === agent_id) &&
          (turn_id === undefined || waiter.turn_id === turn_id) &&
          (expired_at_ms === undefined || waiter.expires_ms <= expired_at_ms),
      )
      .map(([key]) => key);
  }

  /** Sets the timer so that `onDue` is called at this time at the latest. */
  arm(at_ms: number): void {
    if (this.timer !== undefined && this.timer.at_ms <= at_ms) return;
    this.timer?.cancel();
    const cancel = this.clock.after(Math.max(0, at_ms - this.clock.now()), () => {
      this.timer = undefined;
      this.onDue();
      // Those that are due now are on their way out.
      const later = [...this.waiters.values()].map((waiter) => waiter.expires_ms).filter((ms) => ms > this.clock.now());
      if (later.length > 0) this.arm(Math.min(...later));
    });
    this.timer = { at_ms, cancel };
  }
}
