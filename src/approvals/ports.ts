import type { Approval } from '../contracts/approval.js';
import type { Policy } from '../contracts/policy.js';
import type { AgentFacts } from './policy/facts.js';

/** The settings that approvals read, as they are at that moment. Given at wiring. */
export abstract class ApprovalSettings {
  /** After how many seconds an undecided request counts as denied. */
  abstract ask_expires_after_s(): number;
  /** After how many seconds a waiting call is parked, so that its process may end; never without it. */
  park_after_s?(): number;
}

/** Where ended requests are kept for good (the registry's record). Given at wiring. */
export abstract class ApprovalHistory {
  /**
   * Keeps an ended request. Told at least once per end, and again when it is known what ran: the later word about an id
   * replaces the earlier one. A rejection is logged, and the request is told again later.
   */
  abstract append(approval: Approval): Promise<void>;
}

/** The rules in force, and what they may ask about an agent. Given at wiring. */
export abstract class PolicySource {
  abstract current(): { readonly policy: Policy; readonly text: string; readonly version: string };
  abstract agent(agent_id: string): AgentFacts;
}

/** No rules: what Nox itself does not know is asked. */
export const NO_POLICY: PolicySource = {
  current: () => ({ policy: { schema_version: 1, defaults: {}, rules: [] }, text: '', version: 'none' }),
  agent: () => ({ capabilities: [], spent_usd: 0 }),
};
