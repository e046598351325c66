/** What went wrong between an agent and its model, as far as it decides what comes next. */
export type ModelFault =
  'authentication' | 'rate_limit' | 'overloaded' | 'server_error' | 'unreachable' | 'invalid' | 'other';

/** What the CLI tells of a failure: in a retry, or in the result of a turn. */
export interface FaultReport {
  /** HTTP status of the API, if it answered. */
  readonly status?: number | null | undefined;
  /** The CLI's own word for it, such as `connection_failed`. */
  readonly kind?: string | null | undefined;
  readonly text: string;
}

/** Words come first where the CLI answers without asking the API; then what the API said decides. */
const NO_LOGIN =
  /not logged in|please run \/login|failed to authenticate|invalid api key|oauth token (?:has expired|revoked)/i;
const USAGE_LIMIT = /hit your [^.]*\blimit\b|usage limit reached|request rejected \(429\)/i;
const UNREACHABLE =
  /connection (?:refused|error|reset|failed|timed out)|unable to connect|\b(?:ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)\b/i;
const OVERLOADED = /\boverloaded\b/i;
const STATUS_IN_TEXT = /\bAPI Error: (?:Repeated )?(\d{3})\b/i;

/** Sorts a failure. Never throws; what it does not know is `other`. Pure. */
export function classifyFault({ status, kind, text }: FaultReport): ModelFault {
  const code = status ?? Number(STATUS_IN_TEXT.exec(text)?.[1] ?? Number.NaN);
  if (code === 401 || code === 403 || kind === 'authentication_failed') return 'authentication';
  if (code === 429 || kind === 'rate_limit') return 'rate_limit';
  if (code === 529 || kind === 'overloaded') return 'overloaded';
  if (code === 408 || (code >= 500 && code <= 599)) return 'server_error';
  if (code >= 400 && code <= 499) return 'invalid';
  if (kind === 'connection_failed') return 'unreachable';
  if (NO_LOGIN.test(text)) return 'authentication';
  if (USAGE_LIMIT.test(text)) return 'rate_limit';
  if (UNREACHABLE.test(text)) return 'unreachable';
  return OVERLOADED.test(text) ? 'overloaded' : 'other';
}

const PASSING: ReadonlySet<ModelFault> = new Set(['rate_limit', 'overloaded', 'server_error', 'unreachable']);

/** Whether the same prompt may work later, without anybody doing anything. */
export const passesByItself = (fault: ModelFault): boolean => PASSING.has(fault);

const WORDS: Readonly<Record<ModelFault, string>> = {
  authentication: 'does not know who asks',
  rate_limit: 'takes no more requests for now',
  overloaded: 'is overloaded',
  server_error: 'has a fault of its own',
  unreachable: 'cannot be reached',
  invalid: 'refuses the request',
  other: 'answers with an error',
};

/** `the model is overloaded (529)`. */
export const faultWords = (fault: ModelFault, status?: number | null): string =>
  `the model ${WORDS[fault]}${status === undefined || status === null ? '' : ` (${status})`}`;

/** What a person does about `authentication`. */
export const LOGIN_HELP =
  'Run "claude" once and log in, or use the demo model with "nox model use scripted"; then prompt or restart the agent.';
