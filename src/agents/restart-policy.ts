import type { RestartConfig } from '../contracts/agent.js';
import { type Breaker, CLOSED, openBreaker } from './breaker.js';

/** Why a run ended, as far as restarting is concerned. */
export type ExitClass =
  | 'crash'
  | 'clean'
  /** Nox ended it because somebody asked for that. */
  | 'operator'
  | 'out_of_memory'
  | 'authentication'
  | 'configuration'
  | 'quota'
  /** The journal refused to write the run down: no fault of the agent. */
  | 'storage'
  | 'unknown_session'
  | 'session_in_use';

/** What is remembered of an agent from one exit to the next. */
export interface RestartMemory {
  /** Times of the unexpected exits that still count. */
  readonly history: readonly number[];
  readonly breaker: Breaker;
}

export const CLEAN_SLATE: RestartMemory = { history: [], breaker: CLOSED };

export type RestartDecision = RestartMemory & { readonly reason: string } & (
    | { readonly action: 'restart'; readonly delay_ms: number }
    /** It stands still; the breaker says until when. */
    | { readonly action: 'give_up' }
    /** The process ended well by itself: it rests until there is work. */
    | { readonly action: 'rest' }
    /** The end was wanted: whoever wanted it says what comes next. */
    | { readonly action: 'none' }
  );

export interface RestartQuestion extends RestartMemory {
  readonly config: RestartConfig;
  readonly exit: ExitClass;
  /** How long this run had been up. */
  readonly ran_ms: number;
  readonly now_ms: number;
  /** In [0, 1). */
  readonly random: number;
  /** For `quota`: when there is quota again, if that is known. */
  readonly resume_at_ms?: number | undefined;
}

const PERMANENT: Partial<Record<ExitClass, string>> = {
  authentication: 'not logged in at the model: run "claude" once and log in, or "nox model use scripted"',
  configuration: 'the configuration is refused by the CLI',
};

/** A disk that is full stays so for a while: it is asked as seldom as an agent that crashed twice is started. */
const STORAGE_ATTEMPT = 2;

/**
 * What to do after an exit: OTP's intensity in a window, exponential backoff with jitter, a circuit breaker behind it,
 * permanent failures not retried, a long healthy run forgets what was before it. Pure.
 */
export function decideRestart(question: RestartQuestion): RestartDecision {
  const { config, exit, now_ms } = question;
  const { history: before, breaker } = question.ran_ms >= config.reset_after_s * 1000 ? CLEAN_SLATE : question;
  if (exit === 'operator') {
    return { action: 'none', reason: 'ended on purpose', history: question.history, breaker: question.breaker };
  }
  if (exit === 'quota') {
    if (config.policy === 'no') return { action: 'rest', reason: 'out of quota', history: before, breaker };
    const { resume_at_ms = now_ms + config.backoff_ms.max } = question;
    const delay_ms = Math.max(config.backoff_ms.initial, resume_at_ms - now_ms);
    return { action: 'restart', delay_ms, reason: 'out of quota', history: before, breaker };
  }
  if (exit === 'storage') {
    const reason = 'tried again when the disk takes it';
    if (config.policy === 'no') return { action: 'rest', reason, history: before, breaker };
    const delay_ms = backoffDelay(config, STORAGE_ATTEMPT, question.random);
    return { action: 'restart', delay_ms, reason, history: before, breaker };
  }
  if (exit === 'clean' && config.policy !== 'always') {
    return { action: 'rest', reason: 'ended by itself', history: [], breaker };
  }
  const history = [...before, now_ms];
  const giveUp = (reason: string, probe: boolean): RestartDecision => {
    return { action: 'give_up', reason, history, breaker: openBreaker(breaker, reason, probe ? { now_ms } : null) };
  };
  const permanent = PERMANENT[exit];
  if (permanent !== undefined) return giveUp(permanent, false);
  if (config.policy === 'no') return giveUp('ended, and its restart policy is "no"', false);
  if (breaker.state !== 'closed') return giveUp('the probe ended as well', true);
  const recent = history.filter((at) => at > now_ms - config.period_s * 1000).length;
  if (recent > config.intensity)
    return giveUp(`ended ${recent === 1 ? 'once' : `${recent} times`} within ${config.period_s} s`, true);
  const cause = exit === 'out_of_memory' ? 'out of memory, ' : '';
  return {
    action: 'restart',
    delay_ms: backoffDelay(config, history.length, question.random),
    reason: `${cause}restart ${history.length}`,
    history,
    breaker,
  };
}

/** initial × factor^(attempt − 1), at most `max`, then ± `jitter` of itself. */
export function backoffDelay(config: RestartConfig, attempt: number, random: number): number {
  const { initial, factor, max, jitter } = config.backoff_ms;
  const plain = Math.min(max, initial * factor ** (attempt - 1));
  return Math.round(plain * (1 + jitter * (2 * random - 1)));
}
