import type { Approval, WaitsBehind } from '../contracts/approval.js';
import type { Attention } from '../contracts/attention.js';
import type { Policy } from '../contracts/policy.js';
import type { AgentFacts } from './policy/facts.js';

/** The settings that approvals read, as they are at that moment. Given at wiring. */
export abstract class ApprovalSettings {
  /** After how many seconds an undecided request counts as denied; quiet hours are not counted, save for what is urgent. */
  abstract ask_expires_after_s(): number;
  /** When nobody is told of what is not urgent; at all times somebody is, without it. */
  attention?(): Pick<Attention, 'quiet_hours' | 'urgent_risk'>;
  /** After how many seconds a waiting call is parked, so that its process may end; never without it. */
  park_after_s?(): number;
  /** For so long a decision of the dashboard can be undone before its call hears of it; 0 without it. */
  undo_s?(): number;
  /** How many different people must approve what is critical; one without it. */
  critical_needs?(): number;
}

/** What cannot go on before a request of these agents is decided. Given at wiring. */
export abstract class Backlog {
  abstract behind(agent_ids: ReadonlySet<string>): ReadonlyMap<string, WaitsBehind>;
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
  /** The folder in which Claude keeps the plans that it shows; no path is one without it. */
  plans?(): string;
}

/** No rules: what Nox itself does not know is asked. */
export const NO_POLICY: PolicySource = {
  current: () => ({ policy: { schema_version: 1, defaults: {}, rules: [] }, text: '', version: 'none' }),
  agent: () => ({ capabilities: [], spent_usd: 0 }),
};
