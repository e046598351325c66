import type { Approval } from '../contracts/approval.js';

/** The settings that approvals read, as they are at that moment. Given at wiring. */
export abstract class ApprovalSettings {
  /** After how many seconds an undecided request counts as denied. */
  abstract ask_expires_after_s(): number;
}

/** Where ended requests are kept for good (the registry's record). Given at wiring. */
export abstract class ApprovalHistory {
  /**
   * Keeps an ended request. Told at least once per end, and again when it is known what ran: the later word about an id
   * replaces the earlier one. A rejection is logged, and the request is told again later.
   */
  abstract append(approval: Approval): Promise<void>;
}
