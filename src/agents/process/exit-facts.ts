import { constants } from 'node:os';
import type { ExitFacts } from './process-host.js';

/**
 * Signals that a status of 128 + n is read as when it comes through an init: SIGKILL, which nobody can handle, and faults.
 * The rest (TERM, INT, HUP, PIPE …) programs commonly turn into exit codes of their own, so there the code is told.
 */
const TOLD_AS_SIGNAL = ['SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGTRAP', 'SIGSYS'] as const;

/** Facts from what the operating system said about the process that Nox spawned itself. */
export function directExit(code: number | null, signal: string | null, killed: boolean): ExitFacts {
  return { exit_code: signal === null ? code : null, signal, forced: killed && signal === 'SIGKILL' };
}

/** Facts from what a wrapper with an init inside handed on: a shell can tell a signal only as 128 + n. */
export function namespaceExit(code: number | null, signal: string | null, killed: boolean): ExitFacts {
  const inner = TOLD_AS_SIGNAL.find((name) => code === 128 + constants.signals[name]);
  return inner === undefined ? directExit(code, signal, killed) : directExit(null, inner, killed);
}
