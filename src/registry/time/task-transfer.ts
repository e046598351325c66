import type { Actor } from '../../contracts/auth.js';
import type { ImportedTask, ImportResult } from '../../contracts/registry-transfer.js';

/** Task files of an import, by agent, and how it was asked for. */
export interface GivenTasks {
  readonly texts: ReadonlyMap<string, string>;
  readonly prefer: 'ours' | 'theirs' | undefined;
  readonly accept: boolean;
}

/** What they would bring. */
export interface TaskPlan {
  readonly tasks: readonly ImportedTask[];
  readonly conflicts: ImportResult['conflicts'];
  readonly security: ImportResult['security'];
}

/** How the registry asks the floor above for the tasks of an import. Given at wiring. */
export abstract class TaskTransfer {
  /** VALIDATION_ERROR with file and line. */
  abstract plan(given: GivenTasks): Promise<TaskPlan>;
  /** Adds them; nothing is taken away. MERGE_CONFLICT, CONFIRMATION_REQUIRED. */
  abstract carryOut(given: GivenTasks, actor: Actor): Promise<readonly ImportedTask[]>;
}
