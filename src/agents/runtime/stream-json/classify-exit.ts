import type { ExitFacts } from '../../process/process-host.js';

/**
 * Why a process ended, in the words that decide what to do: `crash` restarts; `unknown_session` and `session_in_use`
 * start again with the other of resume and begin; `quota` waits; the last two need a person.
 */
export type ExitReason =
  'clean' | 'crash' | 'unknown_session' | 'session_in_use' | 'quota' | 'authentication' | 'configuration';

/** In order; the texts of the Claude CLI on stderr. */
const TOLD: readonly (readonly [RegExp, ExitReason])[] = [
  [/No conversation found with session ID/i, 'unknown_session'],
  [/Session ID \S+ is already in use/i, 'session_in_use'],
  [/Not logged in|Please run \/login|Invalid API key|OAuth token (?:has expired|revoked)/i, 'authentication'],
  [/usage limit reached|hit your (?:\w+ )?limit|credit balance is too low/i, 'quota'],
  [
    /^error: (?:unknown option|option |too many arguments|missing )|Invalid session ID|Settings file not found|Invalid JSON|cannot be used with root|requires --verbose/im,
    'configuration',
  ],
];

/** Reads the exit's facts and the last lines of stderr. A process that a signal ended has told nothing. */
export function classifyExit(facts: ExitFacts, stderr_tail: string): ExitReason {
  if (facts.exit_code === 0) return 'clean';
  if (facts.exit_code === null || facts.forced) return 'crash';
  return TOLD.find(([text]) => text.test(stderr_tail))?.[1] ?? 'crash';
}

/** When there is quota again, if the CLI says it: `usage limit reached|1766000000`, in seconds. */
export function quotaResumeMs(stderr_tail: string): number | undefined {
  const seconds = /limit reached\|(\d{10})\b/i.exec(stderr_tail)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
