import type { Agent } from '../contracts/agent.js';
import type { Approval } from '../contracts/approval.js';

/** What a client sees before the first event: given at wiring. Answers from memory, at once, as of the last event. */
export abstract class SnapshotSource {
  abstract agents(): Agent[];
  /** Those that wait for a decision. */
  abstract approvals(): Approval[];
}
