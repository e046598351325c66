import type { RestartConfig } from '../contracts/agent.js';

/** Why a run ended, as far as restarting is concerned. */
export type ExitClass = 'crash' | 'clean' | 'not_logged_in' | 'unknown_session' | 'session_in_use' | 'configuration';

export type RestartDecision =
  | {
      readonly action: 'restart';
      readonly delay_ms: number;
      readonly reason: string;
      readonly history: readonly number[];
    }
  | { readonly action: 'give_up'; readonly reason: string; readonly history: readonly number[] }
  /** The process ended well by itself: it rests until there is work. */
  | { readonly action: 'rest'; readonly reason: string; readonly history: readonly number[] };

export interface RestartQuestion {
  readonly config: RestartConfig;
  /** Times of the unexpected exits before this one that still count. */
  readonly history: readonly number[];
  readonly exit: ExitClass;
  /** How long this run had been up. */
  readonly ran_ms: number;
  readonly now_ms: number;
  /** In [0, 1). */
  readonly random: number;
}

const PERMANENT: Partial<Record<ExitClass, string>> = {
  not_logged_in: 'not logged in at the model: run "claude" once and log in, or "nox model use scripted"',
  configuration: 'the configuration is refused by the CLI',
};

/**
 * What to do after an unexpected exit: OTP's intensity in a window, exponential backoff with jitter, permanent
 * failures not retried, a long healthy run forgets the exits before it. Pure.
 */
export function decideRestart(question: RestartQuestion): RestartDecision {
  const { config, exit, now_ms } = question;
  const healthy = question.ran_ms >= config.reset_after_s * 1000;
  const history = [...(healthy ? [] : question.history), now_ms];
  const permanent = PERMANENT[exit];
  if (permanent !== undefined) return { action: 'give_up', reason: permanent, history };
  if (exit === 'clean' && config.policy !== 'always') return { action: 'rest', reason: 'ended by itself', history: [] };
  if (config.policy === 'no') return { action: 'give_up', reason: 'ended, and its restart policy is "no"', history };
  const recent = history.filter((at) => at > now_ms - config.period_s * 1000).length;
  if (recent > config.intensity) {
    return { action: 'give_up', reason: `ended ${recent} times within ${config.period_s} s`, history };
  }
  return {
    action: 'restart',
    delay_ms: backoffDelay(config, history.length, question.random),
    reason: `restart ${history.length}`,
    history,
  };
}

/** initial × factor^(attempt − 1), at most `max`, then ± `jitter` of itself. */
export function backoffDelay(config: RestartConfig, attempt: number, random: number): number {
  const { initial, factor, max, jitter } = config.backoff_ms;
  const plain = Math.min(max, initial * factor ** (attempt - 1));
  return Math.round(plain * (1 + jitter * (2 * random - 1)));
}
