import type { ToolDecision } from '../runtime.js';

/**
 * Bodies of the answers to the CLI's two ways of asking. Anything but a clear "allow" is a denial, and an answer is never
 * of the error subtype: to a hook, the CLI takes that for a failed hook and goes on without it.
 */
export function hookAnswer(decision: ToolDecision): object {
  if (decision.behavior === 'defer')
    return { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'defer' } };
  const allowed = decision.behavior === 'allow';
  return {
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: allowed ? 'allow' : 'deny',
      ...(allowed ? {} : { permissionDecisionReason: decision.reason }),
      ...(allowed && decision.updated_input !== undefined ? { updatedInput: decision.updated_input } : {}),
    },
  };
}

export function permissionAnswer(decision: ToolDecision, input: Record<string, unknown>): object {
  return decision.behavior === 'allow'
    ? { behavior: 'allow', updatedInput: decision.updated_input ?? input }
    : { behavior: 'deny', message: decision.behavior === 'deny' ? decision.reason : 'Ask again later.' };
}

export const successResponse = (request_id: string, response: object): object => ({
  type: 'control_response',
  response: { subtype: 'success', request_id, response },
});

/** Only for requests that decide nothing. */
export const unsupportedResponse = (request_id: string, subtype: string): object => ({
  type: 'control_response',
  response: { subtype: 'error', request_id, error: `Nox does not support the control request "${subtype}"` },
});
