import type { Clock } from '../shared/clock.js';
import { messageOf } from '../shared/nox-error.js';
import { isAtRest } from './agent-state.js';
import type { AgentWork } from './run-observer.js';
import type { AgentSupervisor } from './supervisor.js';

/** How long work waits that came just while its agent fell asleep. */
const WAKE_DELAY_MS = 500;

interface SleepPorts {
  readonly clock: Clock;
  has(id: string): boolean;
  work(id: string): AgentWork;
  /** Whether something waits for the agent that it could take now. */
  hasWork(id: string): boolean;
  /** 0 is the most important. */
  rank(id: string): number;
  /** 0: never. */
  hibernate_after_s(id: string): number;
  serially(id: string, job: () => Promise<void>): Promise<void>;
  hibernate(id: string, reason: string): Promise<void>;
  wake(id: string): Promise<void>;
  warn(message: string, fields: object): void;
}

/** Sends agents to sleep that have rested long enough, and wakes those for whom work came meanwhile. */
export class SleepKeeper {
  private readonly timers = new Map<string, () => void>();
  /** Those that sleep and may have to be woken: they fell asleep lately, or there was no room. */
  private readonly sleepers = new Set<string>();
  private is_wake_planned = false;

  constructor(private readonly ports: SleepPorts) {}

  /** It found no place among the awake: tried again when another one comes to rest. */
  foundNoPlace(id: string): void {
    this.sleepers.add(id);
  }

  /** Counts its rest anew; one that does not rest is not counted. */
  arm(supervisor: AgentSupervisor): void {
    const { id } = supervisor;
    this.disarm(id);
    if (supervisor.process_state !== 'running' || !isAtRest(supervisor.activity)) return;
    const after_s = this.ports.hibernate_after_s(id);
    if (after_s === 0) return;
    this.timers.set(
      id,
      this.ports.clock.after(after_s * 1000, () => void this.sleepIfIdle(supervisor, 'idle')),
    );
  }

  disarm(id: string): void {
    this.timers.get(id)?.();
    this.timers.delete(id);
  }

  async sleepIfIdle(supervisor: AgentSupervisor, reason: string): Promise<void> {
    const { ports } = this;
    const { id } = supervisor;
    await ports
      .serially(id, async () => {
        if (supervisor.process_state !== 'running' || !isAtRest(supervisor.activity)) return;
        if (ports.hasWork(id)) return;
        const { queued_turns } = ports.work(id);
        // An idle CLI has no children: one that has some runs background work, which must not be lost.
        const busy = ((await supervisor.session?.tree()) ?? []).length > 1;
        // Work or a stop may have come while the tree was looked at.
        if (supervisor.process_state !== 'running' || !isAtRest(supervisor.activity)) return;
        if (busy || ports.work(id).queued_turns > queued_turns) this.arm(supervisor);
        else await ports.hibernate(id, reason);
      })
      .catch((error: unknown) => ports.warn('agent not hibernated', { agent_id: id, reason: messageOf(error) }));
  }

  /**
   * Work that came while an agent fell asleep, or found no room, wakes it: a little later, so that a program which ends
   * by itself at once is not started in a tight loop.
   */
  wakeLater({ id, process_state, activity }: AgentSupervisor): void {
    const { ports } = this;
    if (process_state === 'hibernated') this.sleepers.add(id);
    if (process_state === 'running' && !isAtRest(activity)) return;
    if (this.sleepers.size === 0 || this.is_wake_planned) return;
    this.is_wake_planned = true;
    ports.clock.after(WAKE_DELAY_MS, () => {
      this.is_wake_planned = false;
      const candidates = [...this.sleepers].filter((sleeper) => ports.has(sleeper) && ports.hasWork(sleeper));
      this.sleepers.clear();
      candidates.sort((a, b) => ports.rank(a) - ports.rank(b));
      for (const sleeper of candidates) {
        ports
          .wake(sleeper)
          .catch((error: unknown) => ports.warn('agent not woken', { agent_id: sleeper, reason: messageOf(error) }));
      }
    });
  }
}
