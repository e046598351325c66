import type { Fleet } from '../agents/fleet.js';
import type { LogBook } from '../agents/log-book.js';
import type { RunStore } from '../agents/run-store.js';
import type { Turn } from '../contracts/turn.js';
import type { Clock } from '../shared/clock.js';
import { failpoint } from '../shared/failpoint.js';
import { messageOf } from '../shared/nox-error.js';
import type { QuotaService } from './quota.service.js';
import type { TurnBook } from './turn-book.js';
import { promptOf } from './turn-reducer.js';
import type { OpenTurn } from './turn-scribe.js';
import type { TurnStore } from './turn-store.js';

export interface PumpParts {
  readonly turns: TurnStore;
  readonly book: TurnBook;
  readonly fleet: Fleet;
  readonly runs: RunStore;
  readonly logs: LogBook;
  readonly quota: QuotaService;
  readonly clock: Clock;
  readonly lost: (agent_id: string, what: string, error: unknown) => void;
}

/** Who has the pipe of each agent. Contract: one turn at a time; the others wait in order. */
export class TurnPump {
  private readonly open = new Map<string, OpenTurn>();

  constructor(private readonly parts: PumpParts) {}

  /** The turn that has the pipe. */
  openTurn(agent_id: string): OpenTurn | undefined {
    return this.open.get(agent_id);
  }

  isOpen(agent_id: string): boolean {
    return this.open.has(agent_id);
  }

  /** A turn whose parked call has come back has the pipe again. */
  reopen(agent_id: string, { id, blocks }: Turn): OpenTurn {
    const turn: OpenTurn = { id, started_ms: this.parts.clock.now(), blocks, unsaid: '', timer: undefined };
    this.open.set(agent_id, turn);
    return turn;
  }

  /** Whether a turn waits for the decision on its parked call: nothing may be written to the agent meanwhile. */
  isParked(agent_id: string): boolean {
    return this.parts.turns.withStatus('deferred', agent_id).length > 0;
  }

  /** The turn has ended at the process: the pipe is free. */
  close(agent_id: string): void {
    this.open.delete(agent_id);
  }

  /** Hands the next waiting turn to the agent, if it can take one; wakes it if it sleeps. */
  pump(agent_id: string): void {
    this.deliverNext(agent_id).catch((error: unknown) => this.parts.lost(agent_id, 'delivery', error));
  }

  private async deliverNext(agent_id: string): Promise<void> {
    const { book, fleet, quota, turns } = this.parts;
    if (book.queuedCount(agent_id) === 0 || this.isParked(agent_id)) return;
    const hold = quota.hold(agent_id);
    if (hold !== undefined) {
      const next = turns.next(agent_id);
      if (next !== undefined) await turns.tellHold(next.id, hold);
      return;
    }
    if (fleet.get(agent_id).process_state === 'hibernated') {
      // onReady comes back here; a wake that fails permanently retires what waits.
      await fleet.wake(agent_id);
      return;
    }
    await fleet.serially(agent_id, () => this.handOver(agent_id));
  }

  private async handOver(agent_id: string): Promise<void> {
    const { book, fleet, quota, turns, runs, logs, clock } = this.parts;
    const supervisor = fleet.get(agent_id);
    const { session } = supervisor;
    if (session === undefined || supervisor.process_state !== 'running' || this.open.has(agent_id)) return;
    if (quota.hold(agent_id) !== undefined || this.isParked(agent_id)) return;
    const next = turns.next(agent_id);
    if (next === undefined) return;
    const known = runs.session(agent_id);
    await failpoint('turn.begin.before');
    if (!(await book.begin(agent_id, next.id, known?.session_id ?? null))) return;
    await failpoint('turn.begin.after');
    this.open.set(agent_id, {
      id: next.id,
      started_ms: clock.now(),
      blocks: next.blocks,
      unsaid: '',
      timer: undefined,
    });
    supervisor.setActivity('working', 'prompt');
    try {
      await session.prompt({ uuid: next.prompt_uuid, content: promptOf(next) });
    } catch (error) {
      logs.add(agent_id, 'nox', `a prompt did not reach the process: ${messageOf(error)}`);
      // If the process has ended meanwhile, onEnded has dealt with the turn.
      if (this.open.get(agent_id)?.id !== next.id) return;
      this.open.delete(agent_id);
      await book.requeue(agent_id, next.id);
      supervisor.setActivity('idle', 'prompt');
      return;
    }
    await failpoint('turn.prompted');
  }
}
