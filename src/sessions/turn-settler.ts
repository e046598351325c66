import type { RuntimeEvent } from '../agents/runtime/runtime.js';
import type { Turn, Usage } from '../contracts/turn.js';
import type { Clock } from '../shared/clock.js';
import type { Hold } from './hold-book.js';
import type { MailEnd } from './mail.js';
import type { OpenTurn } from './open-turn.js';
import type { QuotaService } from './quota.service.js';
import type { TurnBook } from './turn-book.js';
import type { TurnMail } from './turn-mail.js';
import { endOf, type TurnEnd } from './turn-reducer.js';
import type { TurnStore } from './turn-store.js';

interface SettlerPorts {
  readonly turns: TurnStore;
  readonly book: TurnBook;
  readonly quota: QuotaService;
  readonly turn_mail: TurnMail;
  readonly clock: Clock;
  get(turn_id: string): Turn;
  /** The turn waits for a decision about its parked call. */
  rest(agent_id: string): void;
  comeToRest(agent_id: string): void;
}

/** What the result of a turn means: for the turn, for the messages that it read, and for the turns that wait behind it. */
export class TurnSettler {
  constructor(private readonly ports: SettlerPorts) {}

  /** Ends the turn by its result, or puts it back to be tried again when the model could not answer. */
  async settle(agent_id: string, turn: OpenTurn, result: Extract<RuntimeEvent, { type: 'result' }>): Promise<void> {
    const { turns, book, quota, turn_mail } = this.ports;
    const end = endOf(result, turn.blocks);
    if (end.status === 'deferred' && (await book.defer(turn.id, result.usage))) {
      this.ports.rest(agent_id);
      return;
    }
    if (turn.preempted === true && turn.cancelled !== true && end.status === 'interrupted') {
      await this.preempt(agent_id, turn, end);
      return;
    }
    const verdict = quota.verdict(agent_id, turn.id, result, turn.cancelled === true);
    if (verdict.action === 'put_back') {
      const { hold, store } = verdict;
      if (turn.is_mail) {
        const at_rest = (): void => this.ports.comeToRest(agent_id);
        await book.finish(agent_id, turn.id, { ...end, reason: hold.reason }, at_rest, store);
      } else await book.putBack(agent_id, turn.id, hold, result.usage, store);
      const delay_ms = Math.max(0, (hold.resume_ms ?? 0) - this.ports.clock.now());
      await turn_mail.settle(agent_id, turn, { kind: 'put_back', reason: hold.reason, delay_ms });
      return;
    }
    const hold = quota.holdFor(agent_id, 'login');
    const mail_end = mailEnd(end, hold, turn.requeue);
    // A crash before they are put back must not take it for the end of its messages, too.
    const waits_again = end.status === 'interrupted' && mail_end.kind === 'put_back';
    const reason = verdict.reason ?? (waits_again ? mail_end.reason : end.reason);
    await book.finish(
      agent_id,
      turn.id,
      { ...end, reason },
      () => this.ports.comeToRest(agent_id),
      (tx) => {
        if (mail_end.kind === 'read') turn_mail.readIn(tx, turn);
      },
    );
    await turn_mail.settle(agent_id, turn, mail_end);
    if (hold === undefined) return;
    // Nothing goes on by itself here, so those who wait are told instead of kept.
    for (const { id } of turns.withStatus('queued', agent_id)) {
      await turns.tellHold(id, hold);
      book.waiters.answer(this.ports.get(id));
    }
  }

  /** A critical message has cut it short: it goes on when that has been dealt with. */
  private async preempt(agent_id: string, turn: OpenTurn, end: TurnEnd): Promise<void> {
    const { book, turn_mail } = this.ports;
    const reason = 'a critical message came first';
    const usage = end.usage ?? NO_USAGE;
    if (turn.is_mail) await book.finish(agent_id, turn.id, { ...end, reason }, () => this.ports.comeToRest(agent_id));
    else {
      const delay = { cause: 'message', reason, resume_ms: null } as const;
      await book.putBack(agent_id, turn.id, delay, usage, () => undefined);
    }
    await turn_mail.settle(agent_id, turn, { kind: 'put_back', reason, delay_ms: 0 });
  }
}

const NO_USAGE: Usage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd: 0,
};

/** What becomes of the messages of a turn that a person has ended. */
export const cutShort = (reason: string, requeue = false): MailEnd =>
  requeue ? { kind: 'put_back', reason, delay_ms: 0 } : { kind: 'dropped', reason };

/** What the end of a turn is to the messages that it read. */
function mailEnd({ status, reason }: TurnEnd, login: Hold | undefined, requeue = false): MailEnd {
  if (status === 'interrupted')
    return cutShort(requeue ? 'interrupted; its messages are handed over again' : (reason ?? 'interrupted'), requeue);
  if (status === 'error' && login !== undefined) return { kind: 'put_back', reason: login.reason, delay_ms: 0 };
  return { kind: 'read' };
}
