import type { Turn } from '../contracts/turn.js';
import { NoxError } from '../shared/nox-error.js';

interface Waiter {
  readonly resolve: (turn: Turn) => void;
  readonly reject: (error: Error) => void;
}

/** Those who wait for the end of a turn. */
export class TurnWaiters {
  private readonly waiting = new Map<string, Set<Waiter>>();

  /** Resolves with the turn as it is answered; rejects with SHUTTING_DOWN. */
  wait(turn_id: string): Promise<Turn> {
    return new Promise((resolve, reject) => {
      const waiting = this.waiting.get(turn_id) ?? new Set();
      this.waiting.set(turn_id, waiting.add({ resolve, reject }));
    });
  }

  answer(turn: Turn): void {
    for (const { resolve } of this.waiting.get(turn.id) ?? []) resolve(turn);
    this.waiting.delete(turn.id);
  }

  /** Nox shuts down: whoever waits is told so. */
  release(): void {
    for (const [turn_id, waiting] of this.waiting) {
      const error = new NoxError('SHUTTING_DOWN', `Nox shuts down; turn ${turn_id} goes on when it is back.`, {
        turn_id,
      });
      for (const { reject } of waiting) reject(error);
    }
    this.waiting.clear();
  }
}
