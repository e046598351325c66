import { NoxApiError } from '../client/api-error.js';
import { ERRORS } from '../contracts/errors.js';
import { errnoOf, NoxError } from '../shared/nox-error.js';
import type { Cli } from './cli.js';
import { CliError, Exit } from './cli-error.js';
import { plain } from './output/text.js';

/** Tells on stderr what went wrong, as words or as JSON, and answers the exit status. */
export function report(error: unknown, cli: Cli): number {
  if (error instanceof Exit) return error.status;
  const problem = problemOf(error);
  if (cli.json) {
    const { code, message, details, request_id } = problem;
    cli.say(JSON.stringify({ error: { code, message, details }, request_id }));
  } else {
    cli.say(`${cli.words.red('nox:')} ${plain(problem.message)}`);
    for (const hint of problem.hints) cli.say(cli.words.dim(plain(hint)));
  }
  return exitOf(problem.code);
}

interface Problem {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
  readonly request_id?: string | undefined;
  readonly hints: readonly string[];
}

function problemOf(error: unknown): Problem {
  if (error instanceof NoxApiError) {
    const { code, message, details, request_id } = error;
    return { code, message, details, request_id, hints: hintsFor(error) };
  }
  if (error instanceof CliError || error instanceof NoxError) {
    return { code: error.code, message: error.message, details: error.details, hints: [] };
  }
  const errno = errnoOf(error);
  if (error instanceof Error && errno !== undefined) {
    // The system's own words name the file: "ENOENT: no such file or directory, open 'x'".
    return { code: 'INVALID_REQUEST', message: error.message, details: { errno }, hints: [] };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'INTERNAL_SERVER_ERROR', message: text, hints: ['This is a mistake in nox: please report it.'] };
}

function hintsFor(error: NoxApiError): string[] {
  if (error.code === 'UNAUTHORIZED') return ['Log in with: nox login'];
  if (error.status >= 500 && error.request_id !== undefined) return [`In the server's log: ${error.request_id}`];
  return [];
}

/** Exit status of an error code; 1 for a code that only a newer server knows. */
export function exitOf(code: string): number {
  return Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS].exit : 1;
}
