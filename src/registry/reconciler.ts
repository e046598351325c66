import type { Actor } from '../contracts/auth.js';
import type { ReconcileStep } from '../contracts/registry.js';
import type { Intent } from './intent.js';

/** How the registry tells the floor above that intent changed as a whole. Given at wiring. */
export abstract class Reconciler {
  /** What `apply` would do. */
  abstract plan(before: Intent, after: Intent): ReconcileStep[];
  /** Makes the live system follow; answers what was done. */
  abstract apply(before: Intent, after: Intent, actor: Actor): Promise<ReconcileStep[]>;
}
