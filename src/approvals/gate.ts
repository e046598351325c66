import type { Approval } from '../contracts/approval.js';
import type { Risk } from './finding.js';

/** A tool call that asks to run, with everything that a decision is bound to. */
export interface GatedCall {
  readonly agent_id: string;
  readonly session_id: string | null;
  readonly turn_id: string | null;
  readonly tool_use_id: string;
  readonly tool_name: string;
  readonly input: Record<string, unknown>;
  readonly cwd: string;
  /** The agent's own folder; `cwd`, which an agent may change, when it is not said. */
  readonly workspace?: string | undefined;
  readonly requires_user_interaction: boolean;
  /** Whether the call can be put off and come back by itself; asked when it matters. Without it: no. */
  readonly canPark?: (() => boolean) | undefined;
  /** What Nox itself asks for is judged by who knows it (an image, a new agent); else the call is classified. */
  readonly asked?: { readonly request_type: Approval['request_type']; readonly risk: Risk } | undefined;
}

export type GateDecision =
  | {
      readonly behavior: 'allow';
      readonly updated_input?: Record<string, unknown>;
      readonly by: string;
      readonly reason: string | null;
      readonly approval_id: string | null;
    }
  /** The call is put off; it comes back, and then its request is found by its bytes. */
  | { readonly behavior: 'defer'; readonly reason: string; readonly by: string; readonly approval_id: string | null }
  | { readonly behavior: 'deny'; readonly reason: string; readonly by: string; readonly approval_id: string | null };

/**
 * Decides whether a tool call may run. Fails closed: an error is a denial. A call that must wait is stored before it
 * is shown, and `onPending` is told its id; when `signal` aborts, the request is cancelled and the answer is a denial.
 */
export abstract class ApprovalGate {
  abstract decide(
    call: GatedCall,
    signal: AbortSignal,
    onPending: (approval_id: string) => void,
  ): Promise<GateDecision>;
}
