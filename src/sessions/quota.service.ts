import { Inject, Injectable } from '@nestjs/common';
import { LogBook } from '../agents/log-book.js';
import type { WorkNote } from '../agents/run-observer.js';
import type { RuntimeEvent } from '../agents/runtime/runtime.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';
import { untilStored } from '../shared/db/until-stored.js';
import { BudgetGate } from './budget-gate.js';
import { HELD_ACTIVITY, type Hold, HoldBook } from './hold-book.js';
import { ModelGate } from './model-gate.js';
import { nextTryMs } from './quota-backoff.js';
import { classifyFault, faultWords, LOGIN_HELP, passesByItself } from './quota-error.js';
import { SpendBook } from './spend-book.js';
import { TurnStore } from './turn-store.js';

type Result = Extract<RuntimeEvent, { type: 'result' }>;
type Limit = Extract<RuntimeEvent, { type: 'rate_limit' }>;
type Retry = Extract<RuntimeEvent, { type: 'api_retry' }>;

/** What becomes of a turn that the model has answered, or has not. */
export type Verdict =
  | { readonly action: 'end'; readonly reason?: string }
  /** Back into the queue; `store` belongs to that change. */
  | { readonly action: 'put_back'; readonly hold: Hold; readonly store: (tx: Tx) => void };

/**
 * Whether an agent's next turn may begin. Contract: an error of the model that passes by itself, a missing login and a
 * used budget hold the agent's turns, each with its reason and, where there is one, the time at which they go on.
 */
@Injectable()
export class QuotaService {
  private readonly retries = new Map<string, Retry>();
  /** What each agent's CLI last said of its login's limits, while it was not plainly allowed. */
  private readonly limits = new Map<string, Limit>();
  private readonly gate: ModelGate;
  private readonly budgets: BudgetGate;
  /** Set by wiring. `onChange`: what is said of the agent is different now. `onResume`: its turns may go on. */
  onChange: (agent_id: string) => void = () => undefined;
  onResume: (agent_id: string) => void = () => undefined;
  /** Set by wiring: a person has changed the model, so this agent needs a fresh process. */
  onModelChange: (agent_id: string) => void = () => undefined;
  /** Set by wiring: whether a turn of the agent is under way. */
  isBusy: (agent_id: string) => boolean = () => false;
  /** Set by wiring: what was decided but could not be stored. */
  onLost: (agent_id: string, error: unknown) => void = () => undefined;

  constructor(
    @Inject(HoldBook) private readonly holds: HoldBook,
    @Inject(SpendBook) private readonly spends: SpendBook,
    @Inject(TurnStore) private readonly turns: TurnStore,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(LogBook) private readonly logs: LogBook,
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    const lost = (agent_id: string, error: unknown): void => this.onLost(agent_id, error);
    this.budgets = new BudgetGate({ spends, registry, events, logs, clock, lost });
    this.gate = new ModelGate({
      clock,
      // A program of a person's own asks whom it likes.
      shares: (agent_id) => registry.agents().get(agent_id)?.runtime === 'claude',
      busy: (agent_id) => this.isBusy(agent_id),
      waiting: () => holds.agents('throttle'),
      letGo: (agent_id, reason) => {
        holds.release(agent_id);
        this.resumed(agent_id, reason);
      },
      retell: (agent_id) => this.onResume(agent_id),
    });
  }

  /** After a start of Nox: earlier holds count again. */
  recover(): void {
    this.holds.onLost = (agent_id, error) => this.onLost(agent_id, error);
    this.holds.onDue = (agent_id, hold) => this.resumed(agent_id, `the time is over: ${hold.reason}`);
    // So that the first turn that ends is told apart from those before.
    this.spends.today();
    this.holds.recover();
    // Only who waited behind others tells that the way was closed: one that waits for itself may do so while it is open.
    for (const agent_id of this.holds.agents('throttle')) {
      const { reason, resume_ms } = this.holds.of(agent_id) ?? {};
      if (reason !== undefined) this.gate.refused(agent_id, reason.split(';', 1)[0] ?? reason, resume_ms ?? 0);
    }
    this.events.subscribe(({ type }) => {
      if (type === 'system.model_changed') {
        for (const id of [...this.holds.agents('login'), ...this.holds.agents('model')]) this.onModelChange(id);
        this.gate.open('it has another model');
      }
      // A budget may have been raised; who is still over it stays held.
      if (type === 'registry.committed') for (const id of this.holds.agents('budget')) this.recheck(id);
    });
  }

  /** Why the next turn may not begin; undefined when it may. */
  hold(agent_id: string): Hold | undefined {
    const present = this.holds.of(agent_id);
    if (present !== undefined && present.cause !== 'budget' && present.cause !== 'throttle') return present;
    const over = this.budgets.over(agent_id);
    const hold = over?.hold ?? this.gate.hold(agent_id);
    if (hold === undefined) {
      if (present !== undefined) this.holds.release(agent_id);
      return undefined;
    }
    if (present?.reason === hold.reason) return present;
    const tell_once = over !== undefined && present?.cause !== 'budget';
    this.keep(agent_id, hold, (tx) => {
      if (tell_once) this.events.appendIn(tx, 'agent.budget_exceeded', over.told, agent_id);
    });
    return hold;
  }

  /** To be called at once before a turn begins that nothing holds. */
  begins(agent_id: string): void {
    this.gate.tries(agent_id);
  }

  /** What is said of the agent beside its process. */
  note(agent_id: string): WorkNote | undefined {
    const hold = this.holds.of(agent_id);
    if (hold !== undefined) {
      return { reason: hold.reason, activity: HELD_ACTIVITY[hold.cause], resume_ms: hold.resume_ms };
    }
    const retry = this.retries.get(agent_id);
    if (retry === undefined) return undefined;
    const { status, attempt, max_retries } = retry;
    const answer = status === null ? 'the model cannot be reached' : `the model answers ${status}`;
    return { reason: `${answer}, try ${attempt} of ${max_retries}` };
  }

  /** The CLI itself tries again. */
  retrying(agent_id: string, retry: Retry): void {
    this.retries.set(agent_id, retry);
    this.onChange(agent_id);
  }

  /** The CLI tells how near its login is to a limit: near it a person is told, beyond it the next try waits for the reset. */
  limited(agent_id: string, limit: Limit): void {
    const before = this.limits.get(agent_id);
    if (limit.status === 'allowed') this.limits.delete(agent_id);
    else this.limits.set(agent_id, limit);
    if (limit.status === 'allowed' || before?.status === limit.status) return;
    const which = limit.window === null ? 'a limit of the model' : `the ${limit.window.replaceAll('_', ' ')} limit`;
    const when = limit.resets_ms === null ? '' : `; it begins anew at ${this.clock.iso(limit.resets_ms)}`;
    this.logs.add(agent_id, 'nox', `${which} is ${limit.status === 'rejected' ? 'used up' : 'nearly used up'}${when}`);
  }

  /** How long the model wants to be left alone; null when it has not said. */
  private retryAfterMs(agent_id: string, retry: Retry | undefined): number | null {
    const limit = this.limits.get(agent_id);
    const reset_ms = limit?.status === 'rejected' ? limit.resets_ms : null;
    if (reset_ms === null) return retry?.delay_ms ?? null;
    return Math.max(retry?.delay_ms ?? 0, reset_ms - this.clock.now());
  }

  /** The model has answered, or nobody waits for it any more. */
  answered(agent_id: string): void {
    if (this.retries.delete(agent_id)) this.onChange(agent_id);
  }

  /** The model has answered a turn with a tool call. */
  calls(agent_id: string): void {
    this.answered(agent_id);
    this.gate.goesOn(agent_id);
  }

  /** Decides about a turn by its result; a hold that follows from it is in force when this returns. */
  verdict(agent_id: string, turn_id: string, result: Result, cancelled: boolean): Verdict {
    const retry = this.retries.get(agent_id);
    this.retries.delete(agent_id);
    if (!result.is_error || result.terminal_reason !== 'api_error') {
      if (!result.is_error) this.gate.answered(agent_id);
      return { action: 'end' };
    }
    const status = result.api_error?.status ?? null;
    const fault = classifyFault({ ...result.api_error, text: result.text });
    // Any other word of the model is an answer, too; a model that cannot be reached gives none.
    if (!passesByItself(fault)) this.gate.answered(agent_id);
    if (fault === 'authentication') {
      this.keep(agent_id, { cause: 'login', reason: `${result.text}. ${LOGIN_HELP}`, resume_ms: null });
      return { action: 'end' };
    }
    if (!passesByItself(fault)) return { action: 'end' };
    const config = this.registry.config().quota;
    const tries = this.turns.tries(turn_id) + 1;
    const retry_after_ms = fault === 'rate_limit' ? this.retryAfterMs(agent_id, retry) : null;
    const resume_ms = nextTryMs({
      config,
      tries,
      retry_after_ms,
      now_ms: this.clock.now(),
      random: Math.random(),
    });
    const why = faultWords(fault, status);
    const others_ms = resume_ms ?? this.clock.now() + Math.max(config.initial_ms, retry_after_ms ?? 0);
    if (fault === 'rate_limit' || fault === 'overloaded') this.gate.refused(agent_id, why, others_ms);
    if (cancelled) return { action: 'end' };
    if (resume_ms === null) return { action: 'end', reason: `${result.text} (tried ${tries} times)` };
    const when = `try ${tries + 1} of ${config.max_tries} at ${this.clock.iso(resume_ms)}`;
    const hold: Hold = { cause: 'model', reason: `${why}; ${when}`, resume_ms };
    this.logs.add(agent_id, 'nox', `${result.text}; ${when}`);
    // Told when it is stored with the turn: what was seen to wait must still wait after kill -9.
    return { action: 'put_back', hold, store: this.holds.put(agent_id, hold) };
  }

  /** To be called when what a turn has used is stored. Warns near the end of a budget. */
  spent(agent_id: string): void {
    this.budgets.spent(agent_id);
  }

  /** Holds the agent's turns from outside: it seemed to run away. `also` is stored with it. */
  park(agent_id: string, reason: string, resume_ms: number, also: (tx: Tx) => void): void {
    this.keep(agent_id, { cause: 'storm', reason, resume_ms }, also);
  }

  /** A person, or a fresh process, lets it be tried again; answers whether that ended a hold. */
  release(agent_id: string, cause?: Hold['cause']): boolean {
    if (this.holds.release(agent_id, cause) === undefined) return false;
    this.onChange(agent_id);
    return true;
  }

  holdFor(agent_id: string, cause: Hold['cause']): Hold | undefined {
    const hold = this.holds.of(agent_id);
    return hold?.cause === cause ? hold : undefined;
  }

  /** Nothing waits any more, so that nothing holds it. The missing login stays said. */
  nothingWaits(agent_id: string): void {
    if (this.holdFor(agent_id, 'login') === undefined) this.release(agent_id);
  }

  private recheck(agent_id: string): void {
    if (!this.registry.agents().has(agent_id) || this.hold(agent_id) !== undefined) return;
    this.resumed(agent_id, 'the budget allows it again');
  }

  private resumed(agent_id: string, reason: string): void {
    if (!this.registry.agents().has(agent_id)) return;
    this.events.append('agent.resumed', { reason }, agent_id).catch((error: unknown) => this.onLost(agent_id, error));
    this.onChange(agent_id);
    this.onResume(agent_id);
  }

  /** In force at once, and told when it is stored: what was seen to wait must still wait after kill -9. */
  private keep(agent_id: string, hold: Hold, also: (tx: Tx) => void = () => undefined): void {
    const store = this.holds.put(agent_id, hold);
    const lost = (error: unknown): void => this.onLost(agent_id, error);
    const write = (): Promise<void> =>
      this.db.write((tx) => {
        // While the disk refused this one it may have ended, or another come.
        if (this.holds.of(agent_id) === hold) store(tx);
        also(tx);
        tx.afterCommit(() => this.onChange(agent_id));
      });
    untilStored(this.clock, write, lost).catch(lost);
  }
}
