import { successResponse } from '../runtime/stream-json/answers.js';

/** How the answer to a question of the CLI is broken, as a dying, confused or silent Nox would break it. */
export type Fault = 'no_answer' | 'error' | 'nonsense' | 'no_opinion' | 'closed_pipe';

/**
 * One way in which the gate can break. The call writes (`touch` by a shell) or reads; reading is what the CLI lets run by
 * itself wherever the hook does not stop it, so it shows a hook that fails open.
 */
export interface Way {
  /** Which of the CLI's two questions is answered so: the hook that sees every call, or the permission request behind it. */
  readonly at: 'hook' | 'permission';
  readonly fault: Fault;
  readonly call: 'write' | 'read';
  readonly sub_agent: boolean;
}

/** What became of a way: the call did not run; it ran; or nobody can say, which proves nothing. */
export type Outcome = 'held' | 'ran' | 'unclear';

export interface WayResult {
  readonly way: string;
  readonly outcome: Outcome;
  readonly detail: string;
}

/** Raise it when what a proof means changes; every proof is then made anew. */
export const WAYS_VERSION = 1;

/** The ways that one process is led through, in order: a closed pipe is its end. */
export type Route = readonly Way[];

function routes(sub_agent: boolean): Route[] {
  const way = (at: Way['at'], fault: Fault, call: Way['call'] = 'write'): Way => ({ at, fault, call, sub_agent });
  return [
    [
      way('hook', 'error'),
      way('hook', 'error', 'read'),
      way('hook', 'nonsense'),
      way('hook', 'nonsense', 'read'),
      // An empty answer to a hook is an opinion on nothing: then the permission request must come, for what writes.
      way('hook', 'no_opinion'),
      way('permission', 'error'),
      way('permission', 'nonsense'),
      way('permission', 'closed_pipe'),
    ],
    [way('hook', 'no_answer'), way('hook', 'no_answer', 'read'), way('permission', 'no_answer')],
    [way('hook', 'closed_pipe')],
  ];
}

/** Every way, as few processes as it takes: those of the agent itself and those of a sub-agent. */
export const ROUTES: readonly Route[] = [...routes(false), ...routes(true)];

export const WAY_COUNT = ROUTES.flat().length;

export const wayName = ({ at, fault, call, sub_agent }: Way): string =>
  `${sub_agent ? 'sub-agent, ' : ''}${at}: ${fault.replace('_', ' ')} (${call})`;

/** Body of an answer that nobody should take for an allowance; undefined where none is written. */
export function brokenAnswer({ fault, at }: Way, request_id: string): object | undefined {
  switch (fault) {
    case 'error':
      return { type: 'control_response', response: { subtype: 'error', request_id, error: 'the canary broke it' } };
    case 'nonsense':
      return successResponse(
        request_id,
        at === 'hook'
          ? { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'canary' } }
          : { behavior: 'canary' },
      );
    case 'no_opinion':
      return successResponse(request_id, {});
    case 'no_answer':
    case 'closed_pipe':
      return undefined;
  }
}

/** Proven only if every way was gone to its end and none let its call run. */
export function verdictOf(results: readonly WayResult[], expected = WAY_COUNT): Outcome {
  if (results.some(({ outcome }) => outcome === 'ran')) return 'ran';
  return results.length === expected && results.every(({ outcome }) => outcome === 'held') ? 'held' : 'unclear';
}
