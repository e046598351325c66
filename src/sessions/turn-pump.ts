import { randomUUID } from 'node:crypto';
import type { Fleet } from '../agents/fleet.js';
import type { LogBook } from '../agents/log-book.js';
import type { RunStore } from '../agents/run-store.js';
import type { RuntimeSession } from '../agents/runtime/runtime.js';
import type { Turn } from '../contracts/turn.js';
import type { Clock } from '../shared/clock.js';
import { isStorageFault, STORE_AGAIN_MS } from '../shared/db/until-stored.js';
import { failpoint } from '../shared/failpoint.js';
import { newId } from '../shared/ids.js';
import { messageOf } from '../shared/nox-error.js';
import type { Mail, MailPoint } from './mail.js';
import type { OpenParcel, OpenTurn } from './open-turn.js';
import type { QuotaService } from './quota.service.js';
import type { TurnBook } from './turn-book.js';
import type { TurnMail } from './turn-mail.js';
import { promptOf } from './turn-reducer.js';

import type { TurnStore } from './turn-store.js';

export interface PumpParts {
  readonly turns: TurnStore;
  readonly book: TurnBook;
  readonly fleet: Fleet;
  readonly runs: RunStore;
  readonly logs: LogBook;
  readonly quota: QuotaService;
  readonly clock: Clock;
  readonly mail: () => Mail;
  readonly turn_mail: () => TurnMail;
  readonly lost: (agent_id: string, what: string, error: unknown) => void;
}

/** After which an interrupt that ended nothing is said again, and how often it is said. */
const INTERRUPT_AGAIN_MS = 2000;
const INTERRUPTS = 10;

/** How long messages wait that the process did not read. */
const UNREAD_DELAY_MS = 5000;

/**
 * Who has the pipe of each agent. Contract: one turn at a time, the others wait. Critical and high messages go before
 * prompts of people, the other messages in turn with them: neither starves.
 */
export class TurnPump {
  private readonly open = new Map<string, OpenTurn>();
  /** Agents whose last turn was a person's: messages that wait are next. */
  private readonly after_person = new Set<string>();
  /** Agents of which a turn that has ended is being stored, and how many. */
  private readonly settling = new Map<string, number>();
  /** Agents whose turn the journal refused to begin. */
  private readonly refused = new Set<string>();

  constructor(private readonly parts: PumpParts) {}

  /** The turn that has the pipe. */
  openTurn(agent_id: string): OpenTurn | undefined {
    return this.open.get(agent_id);
  }

  isOpen(agent_id: string): boolean {
    return this.open.has(agent_id);
  }

  /** Whether a turn has the pipe, or has ended and is being stored. */
  isBusy(agent_id: string): boolean {
    return this.open.has(agent_id) || this.settling.has(agent_id);
  }

  /** Whether its process runs and could be given something at once. */
  isFree(agent_id: string): boolean {
    const { fleet } = this.parts;
    return fleet.has(agent_id) && fleet.get(agent_id).process_state === 'running' && !this.isBusy(agent_id);
  }

  /** A turn whose parked call has come back has the pipe again. */
  reopen(agent_id: string, { id, blocks, source }: Turn): OpenTurn {
    const ids = this.parts.mail().held(agent_id, id);
    const read = { ids, source, actor: '', content: '', prompt_uuid: '', started: true };
    return this.begin(agent_id, id, ids.length === 0 ? [] : [read], blocks);
  }

  /** Whether a turn waits for the decision on its parked call: nothing may be written to the agent meanwhile. */
  isParked(agent_id: string): boolean {
    return this.parts.turns.withStatus('deferred', agent_id).length > 0;
  }

  /** Has the process end the turn, and insists: it may let an interrupt go by that meets it between two steps. */
  async interrupt(agent_id: string, turn: OpenTurn, times = INTERRUPTS): Promise<void> {
    try {
      await this.parts.fleet.get(agent_id).session?.interrupt();
    } finally {
      // Also when it was refused, or the process is too busy to answer.
      if (times > 1) this.interruptAgain(agent_id, turn, times - 1);
    }
  }

  private interruptAgain(agent_id: string, turn: OpenTurn, times: number): void {
    this.parts.clock.after(INTERRUPT_AGAIN_MS, () => {
      if (this.open.get(agent_id) !== turn) return;
      this.interrupt(agent_id, turn, times).catch((error: unknown) => this.parts.lost(agent_id, 'interrupt', error));
    });
  }

  /** The turn has ended at the process: the pipe is free. */
  close(agent_id: string): void {
    this.open.delete(agent_id);
  }

  /** Runs `settle`, by which an ended turn is stored: what it has used counts before the next begins. */
  async settled(agent_id: string, settle: () => Promise<void>): Promise<void> {
    const count = (by: number): void => {
      const left = (this.settling.get(agent_id) ?? 0) + by;
      if (left > 0) this.settling.set(agent_id, left);
      else this.settling.delete(agent_id);
    };
    count(1);
    try {
      await settle();
    } finally {
      count(-1);
    }
  }

  /** Hands over what waits as far as the agent can take it; wakes it if it sleeps. What the disk refused is tried again. */
  pump(agent_id: string): void {
    this.deliverNext(agent_id).catch((error: unknown) => {
      this.parts.lost(agent_id, 'delivery', error);
      if (isStorageFault(error)) this.pumpLater(agent_id);
    });
  }

  private pumpLater(agent_id: string): void {
    if (this.refused.has(agent_id)) return;
    this.refused.add(agent_id);
    this.parts.clock.after(STORE_AGAIN_MS, () => {
      this.refused.delete(agent_id);
      this.pump(agent_id);
    });
  }

  /**
   * A steered prompt that missed its turn is run by the process as a turn of its own, which begins here. At once, since its
   * events may follow right behind.
   */
  adopt(agent_id: string, parcel: OpenParcel): void {
    const { turns, runs, lost } = this.parts;
    const turn = this.begin(agent_id, newId('trn'), [parcel]);
    const { prompt_uuid, content: prompt, source, actor, ids } = parcel;
    const session_id = runs.session(agent_id)?.session_id ?? null;
    turns
      .start({ id: turn.id, agent_id, prompt_uuid, prompt, source, actor, session_id }, (tx) =>
        this.parts.mail().bindIn(tx, ids, { turn_id: turn.id, prompt_uuid }),
      )
      .catch((error: unknown) => lost(agent_id, 'adoption', error));
  }

  private async deliverNext(agent_id: string): Promise<void> {
    const { book, fleet, quota, turns, mail, turn_mail } = this.parts;
    if (!fleet.has(agent_id)) return;
    const turn = this.open.get(agent_id);
    if (turn !== undefined) {
      await turn_mail().arrived(agent_id, turn);
      return;
    }
    if (book.queuedCount(agent_id) === 0 && !mail().waits(agent_id, 'idle')) return;
    if (this.isParked(agent_id)) return;
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
    const { book, fleet, quota, mail } = this.parts;
    const { session } = fleet.get(agent_id);
    if (session === undefined || !this.isFree(agent_id)) return;
    if (quota.hold(agent_id) !== undefined || this.isParked(agent_id)) return;
    quota.begins(agent_id);
    const person_waits = book.queuedCount(agent_id) > 0;
    const person_is_next = person_waits && !this.after_person.delete(agent_id);
    const point = person_is_next ? 'tool_boundary' : 'idle';
    if (mail().waits(agent_id, point) && (await this.handParcel(agent_id, session, point))) return;
    if (person_waits) await this.handTurn(agent_id, session);
  }

  private async handTurn(agent_id: string, session: RuntimeSession): Promise<void> {
    const { book, fleet, turns, runs, logs, lost } = this.parts;
    const next = turns.next(agent_id);
    if (next === undefined) return;
    const known = runs.session(agent_id);
    await failpoint('turn.begin.before');
    if (!(await book.begin(agent_id, next.id, known?.session_id ?? null))) return;
    await failpoint('turn.begin.after');
    this.begin(agent_id, next.id, [], next.blocks);
    this.after_person.add(agent_id);
    try {
      await session.prompt({ uuid: next.prompt_uuid, content: promptOf(next) });
    } catch (error) {
      logs.add(agent_id, 'nox', `a prompt did not reach the process: ${messageOf(error)}`);
      // If the process has ended meanwhile, onEnded has dealt with the turn.
      if (this.open.get(agent_id)?.id !== next.id) return;
      this.open.delete(agent_id);
      fleet.get(agent_id).setActivity('idle', 'prompt');
      // Not awaited: a stop must not wait for the disk.
      book.requeue(agent_id, next.id).catch((refused: unknown) => lost(agent_id, 'prompt', refused));
      return;
    }
    await failpoint('turn.prompted');
  }

  /** A turn of messages: they are taken, bound to their prompt and told to run in one change. False when there was none. */
  private async handParcel(agent_id: string, session: RuntimeSession, point: MailPoint): Promise<boolean> {
    const { book, fleet, turns, runs, logs, turn_mail, lost } = this.parts;
    const [id, prompt_uuid] = [newId('trn'), randomUUID()];
    await failpoint('message.bind.before');
    const session_id = runs.session(agent_id)?.session_id ?? null;
    const parcel = await turn_mail().take(agent_id, point, (tx, { source, actor, content: prompt }) => {
      turns.startIn(tx, { id, agent_id, prompt_uuid, prompt, source, actor, session_id });
      return { turn_id: id, prompt_uuid };
    });
    if (parcel === undefined) return false;
    await failpoint('message.bind.after');
    const { ids, content } = parcel;
    this.begin(agent_id, id, [{ ...parcel, prompt_uuid, started: false }]);
    try {
      await session.prompt({ uuid: prompt_uuid, content });
    } catch (error) {
      const reason = `it did not reach the process: ${messageOf(error)}`;
      logs.add(agent_id, 'nox', `a message waits: ${reason}`);
      if (this.open.get(agent_id)?.id !== id) return true;
      this.open.delete(agent_id);
      fleet.get(agent_id).setActivity('idle', 'prompt');
      // Not awaited: a stop must not wait for the disk.
      book
        .finish(agent_id, id, { status: 'cancelled', text: '', reason, usage: null })
        .then(() => turn_mail().settleIds(agent_id, ids, { kind: 'put_back', reason, delay_ms: UNREAD_DELAY_MS }))
        .catch((refused: unknown) => lost(agent_id, 'message', refused));
      return true;
    }
    await failpoint('message.prompted');
    return true;
  }

  private begin(agent_id: string, id: string, parcels: OpenParcel[], blocks: OpenTurn['blocks'] = []): OpenTurn {
    const turn: OpenTurn = {
      id,
      is_mail: parcels.length > 0,
      parcels,
      started_ms: this.parts.clock.now(),
      blocks,
      unsaid: '',
      timer: undefined,
    };
    this.open.set(agent_id, turn);
    this.parts.fleet.get(agent_id).setActivity('working', 'prompt');
    return turn;
  }
}
