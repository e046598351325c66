import type { Clock } from '../shared/clock.js';
import { messageOf } from '../shared/nox-error.js';
import type { AgentWork } from './run-observer.js';
import type { AgentSupervisor } from './supervisor.js';
import { decideWatch, type WatchVerdict } from './watchdog.js';

const ROUND_MS = 1000;

/** What the watchdog needs of the fleet. */
export interface WatchedFleet {
  readonly clock: Clock;
  readonly live: () => AgentSupervisor[];
  readonly work: (id: string) => AgentWork;
  /** Processor use of the tree as last measured, in percent. */
  readonly cpu: (id: string) => number;
  readonly silent_turn_warn_s: () => number;
  /** Told once per silence for each verdict, before anything is done. */
  readonly tell: (
    id: string,
    verdict: Exclude<WatchVerdict, { verdict: 'ok' }>,
    turn_id: string | null,
  ) => Promise<void>;
  readonly warn: (message: string, fields: object) => void;
}

interface Note {
  last_excused_ms: number | null;
  /** The verdict that was told of this silence. */
  told: WatchVerdict['verdict'];
}

/** Looks at every live agent each second, tells of silent ones and ends hung ones as a crash. */
export class WatchdogRounds {
  /** By run: a new process starts with a clean sheet. */
  private notes = new Map<object, Note>();

  constructor(private readonly fleet: WatchedFleet) {}

  start(): void {
    const round_ms = Math.min(ROUND_MS, (this.fleet.silent_turn_warn_s() * 1000) / 4);
    this.fleet.clock.after(round_ms, () => {
      void this.round().finally(() => this.start());
    });
  }

  /** One look at all. Never rejects. */
  async round(): Promise<void> {
    const live = this.fleet.live().filter(({ process_state }) => process_state === 'running');
    const before = this.notes;
    this.notes = new Map();
    await Promise.all(
      live.map(async (agent) => {
        const { session } = agent;
        if (session === undefined) return;
        const note = before.get(session) ?? { last_excused_ms: null, told: 'ok' as const };
        this.notes.set(session, note);
        try {
          await this.look(agent, note);
        } catch (error) {
          this.fleet.warn('an agent was not watched', { agent_id: agent.id, reason: messageOf(error) });
        }
      }),
    );
  }

  private async look(agent: AgentSupervisor, note: Note): Promise<void> {
    const { clock, work } = this.fleet;
    const { current_turn_id, turn_started_ms, running_tools } = work(agent.id);
    const waits_for_others = agent.activity !== 'working' && agent.activity !== 'idle';
    const tool_is_alive = running_tools > 0 && !waits_for_others && (await this.isAlive(agent));
    if (waits_for_others || tool_is_alive) note.last_excused_ms = clock.now();
    const verdict = decideWatch(
      {
        ...vitalsOf(agent),
        turn_started_ms,
        waits_for_others,
        tool_is_alive,
        last_excused_ms: note.last_excused_ms,
      },
      this.fleet.silent_turn_warn_s(),
      clock.now(),
    );
    const known = note.told;
    note.told = verdict.verdict;
    if (verdict.verdict === 'ok' || verdict.verdict === known) return;
    // A journal that cannot take the word must not keep the process alive.
    await this.fleet
      .tell(agent.id, verdict, current_turn_id)
      .catch((error: unknown) =>
        this.fleet.warn('a silence was not told', { agent_id: agent.id, reason: messageOf(error) }),
      );
    // Not awaited: one that cannot be ended must not keep the others from being watched.
    if (verdict.verdict === 'hung') {
      agent
        .endHung(verdict.reason)
        .catch((error: unknown) =>
          this.fleet.warn('a hung agent was not ended', { agent_id: agent.id, reason: messageOf(error) }),
        );
    }
  }

  private async isAlive(agent: AgentSupervisor): Promise<boolean> {
    if (this.fleet.cpu(agent.id) > 0) return true;
    return ((await agent.session?.tree()) ?? []).length > 1;
  }
}

function vitalsOf(agent: AgentSupervisor): { last_output_ms: number | null; unread_since_ms: number | null } {
  return agent.session?.vitals() ?? { last_output_ms: null, unread_since_ms: null };
}
