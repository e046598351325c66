import type { Fleet } from '../agents/fleet.js';
import type { ApprovalsService } from '../approvals/approvals.service.js';
import type { Turn } from '../contracts/turn.js';
import type { RegistryService } from '../registry/registry.service.js';
import type { Clock } from '../shared/clock.js';
import type { OpenTurn } from './open-turn.js';
import type { TurnBook } from './turn-book.js';
import type { TurnMail } from './turn-mail.js';
import type { TurnPump } from './turn-pump.js';
import { interruptedEnd } from './turn-reducer.js';
import type { TurnStore } from './turn-store.js';

/** How long a shutdown waits for parked calls to end their turns. */
const PARK_GRACE_MS = 3000;

/** How long a woken process may take to ask again about its parked call. */
const COME_BACK_MS = 15_000;

interface ParkedPorts {
  readonly turns: TurnStore;
  readonly book: TurnBook;
  readonly pipes: TurnPump;
  readonly turn_mail: TurnMail;
  readonly fleet: Fleet;
  readonly approvals: ApprovalsService;
  readonly registry: RegistryService;
  readonly clock: Clock;
  get(turn_id: string): Turn;
  comeToRest(agent_id: string): void;
  lost(agent_id: string, what: string, error: unknown): void;
}

/** Turns whose tool call waits for a decision without a process: how they fall asleep, and how they come back. */
export class ParkedTurns {
  private is_closing = false;
  private readonly deferring = new Map<string, () => void>();

  constructor(private readonly ports: ParkedPorts) {}

  /** Before a shutdown: what waits for a decision is parked, as far as that can be, and comes back after the next start. */
  async parkAll(): Promise<void> {
    const { approvals, pipes, clock } = this.ports;
    this.is_closing = true;
    const agents = await approvals.parkAll();
    const deferred = agents.filter((id) => pipes.isOpen(id)).map((id) => this.whenDeferred(id));
    await Promise.race([
      Promise.all(deferred),
      new Promise((resolve) => clock.after(PARK_GRACE_MS, () => resolve(null))),
    ]);
  }

  /** Whether the turn waits, because a call of it is parked; said when its process has come to its end in any way. */
  async deferIfParked(agent_id: string, turn_id: string): Promise<boolean> {
    return this.ports.approvals.parkedCount(agent_id, turn_id) > 0 && this.ports.book.defer(turn_id, null);
  }

  /** The agent's call is parked: its process is not needed until somebody decides. */
  rest(agent_id: string): void {
    const { fleet, pipes } = this.ports;
    this.deferring.get(agent_id)?.();
    if (this.is_closing) return;
    this.ports.comeToRest(agent_id);
    fleet
      .serially(agent_id, async () => {
        if (fleet.get(agent_id).process_state !== 'running' || pipes.isOpen(agent_id)) return;
        await fleet.hibernate(agent_id, 'a tool call waits for a decision');
      })
      .then(() => this.unpark(agent_id))
      .catch((error: unknown) => this.ports.lost(agent_id, 'parking', error));
  }

  /** The parked call of an agent has its answer: the session is resumed, and the call comes back by itself. */
  unpark(agent_id: string): void {
    const { turns, approvals, registry, fleet, clock } = this.ports;
    const [turn] = turns.withStatus('deferred', agent_id);
    if (turn === undefined || this.is_closing || approvals.parkedCount(agent_id) > 0) return;
    if (!registry.agents().has(agent_id)) return;
    fleet
      .wake(agent_id)
      .then(() => clock.after(COME_BACK_MS, () => this.giveUp(agent_id, turn.id)))
      .catch((error: unknown) => this.ports.lost(agent_id, 'unparking', error));
  }

  /** A call without a turn is one that was parked: its turn goes on. */
  async comeBack(agent_id: string): Promise<OpenTurn | undefined> {
    const { turns, pipes, fleet } = this.ports;
    const [deferred] = turns.withStatus('deferred', agent_id);
    if (deferred === undefined) return undefined;
    const turn = pipes.reopen(agent_id, this.ports.get(deferred.id));
    fleet.get(agent_id).setActivity('working', 'tool question');
    await turns.resume(deferred.id);
    return turn;
  }

  /** The CLI did not ask again: the call is lost, and the agent must not wait for it for ever. */
  private giveUp(agent_id: string, turn_id: string): void {
    const { approvals, fleet, book, turn_mail, pipes } = this.ports;
    const turn = this.ports.get(turn_id);
    if (turn.status !== 'deferred' || approvals.parkedCount(agent_id) > 0) return;
    if (fleet.get(agent_id).process_state !== 'running') return;
    const reason = 'the parked call did not come back';
    book
      .finish(agent_id, turn_id, interruptedEnd(turn.blocks, reason))
      .then(() => turn_mail.settleOf(agent_id, turn_id, { kind: 'died', reason }))
      .then(() => pipes.pump(agent_id))
      .catch((error: unknown) => this.ports.lost(agent_id, 'end', error));
  }

  private whenDeferred(agent_id: string): Promise<void> {
    return new Promise((resolve) => this.deferring.set(agent_id, resolve));
  }
}
