import type { Clock } from '../shared/clock.js';
import type { Hold } from './hold-book.js';

/** How often it is looked whether the turn that tries is still under way, and whether the next may. */
const LOOK_MS = 2000;
/** How long an agent that was let through may take to begin its turn. */
const BEGIN_MS = 5000;

/** What the gate needs of the world. */
export interface GateWorld {
  readonly clock: Clock;
  /** Whether the agent asks the model that all share. */
  readonly shares: (agent_id: string) => boolean;
  /** Whether a turn of the agent is under way. */
  readonly busy: (agent_id: string) => boolean;
  /** The agents that wait here, the longest waiting first. */
  readonly waiting: () => readonly string[];
  /** It may try now. */
  readonly letGo: (agent_id: string, reason: string) => void;
  /** Why they wait has changed. */
  readonly retell: (agent_id: string) => void;
}

interface Closed {
  readonly why: string;
  readonly until_ms: number;
  trying?: { readonly agent_id: string; readonly since_ms: number };
}

/**
 * The way to the model. Contract: once the model has refused a turn for want of room, one turn at a time tries it, none
 * before the time that was said; the first that goes through, or comes as far as a tool call, opens the way for all.
 */
export class ModelGate {
  private closed: Closed | undefined;
  private cancelLook: () => void = () => undefined;

  constructor(private readonly world: GateWorld) {}

  /** The model has refused this agent's turn; nobody tries before `until_ms`. */
  refused(agent_id: string, why: string, until_ms: number): void {
    if (!this.world.shares(agent_id)) return;
    const { trying } = this.closed ?? {};
    const other = trying !== undefined && trying.agent_id !== agent_id;
    this.closed = { why, until_ms, ...(other ? { trying } : {}) };
    this.retellAll();
    this.lookLater();
  }

  /** The model has answered this agent's turn. */
  answered(agent_id: string): void {
    if (this.world.shares(agent_id)) this.open('the model answers again');
  }

  /** The model has told this agent's turn what to do. If it is the one that tries, its end may be hours away: a person may be asked first. */
  goesOn(agent_id: string): void {
    if (this.closed?.trying?.agent_id === agent_id) this.open('the model answers again');
  }

  open(reason: string): void {
    if (this.closed === undefined) return;
    this.closed = undefined;
    this.cancelLook();
    for (const agent_id of this.world.waiting()) this.world.letGo(agent_id, reason);
  }

  /** Why the agent may not try now; undefined when it may. */
  hold(agent_id: string): Hold | undefined {
    if (this.closed === undefined || !this.world.shares(agent_id)) return undefined;
    const { why, until_ms, trying } = this.closed;
    if (trying?.agent_id === agent_id) return undefined;
    const { clock } = this.world;
    if (trying === undefined && clock.now() >= until_ms) return undefined;
    const when = trying === undefined ? `, the next at ${clock.iso(until_ms)}` : `, ${trying.agent_id} now`;
    return {
      cause: 'throttle',
      reason: `${why}; one turn at a time tries it${when}`,
      resume_ms: trying === undefined ? until_ms : null,
    };
  }

  /** To be called at once before a turn begins that `hold` has let through: until it ends no other tries. */
  tries(agent_id: string): void {
    if (this.closed === undefined || !this.world.shares(agent_id)) return;
    this.closed.trying = { agent_id, since_ms: this.world.clock.now() };
    this.retellAll();
    this.lookLater();
  }

  private retellAll(): void {
    for (const agent_id of this.world.waiting()) this.world.retell(agent_id);
  }

  private lookLater(): void {
    this.cancelLook();
    this.cancelLook = this.world.clock.after(LOOK_MS, () => this.look());
  }

  /** A turn that tried and ended without any answer gives the next its chance. */
  private look(): void {
    if (this.closed === undefined) return;
    const { trying, until_ms } = this.closed;
    const now_ms = this.world.clock.now();
    if (trying !== undefined && !this.world.busy(trying.agent_id) && now_ms - trying.since_ms >= BEGIN_MS)
      delete this.closed.trying;
    if (this.closed.trying === undefined && now_ms >= until_ms) {
      const [next] = this.world.waiting();
      if (next !== undefined) this.world.letGo(next, 'it tries the model for all');
    }
    this.lookLater();
  }
}
