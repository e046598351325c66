import * as z from 'zod';
import { AgentId, CommitHash } from './ids.js';
import { asked, IntentFileName, MergeConflict, ObjectChange, ReconcileStep, RegistryCommit } from './registry.js';

/** The tasks of an agent, as `tasks/lead.md`. */
export const TaskFileName = z.string().regex(/^tasks\/[a-z0-9-]{3,50}\.md$/);
const FileName = z.union([IntentFileName, TaskFileName]);

/** Agents to export, as `lead,worker`; without them all intent. */
export const ExportQuery = z.object({
  agents: z
    .string()
    .max(5000)
    .transform((text) => text.split(','))
    .pipe(z.array(AgentId).min(1).max(100))
    .optional(),
  /** Their task files, too. */
  tasks: z.stringbool().default(false),
});
/** Intent, and tasks where asked for, as plain files, without git. */
export const RegistryExport = z.object({
  /** The commit in force. */
  head: CommitHash.nullable(),
  files: z.array(z.object({ path: FileName, text: z.string() })),
});
export type RegistryExport = z.infer<typeof RegistryExport>;

/** `ours` is what is in force here. Nothing changes while a key, or a task, is in conflict. */
export const ImportRequest = z.strictObject({
  files: z
    .array(z.strictObject({ path: FileName, text: z.string() }))
    .min(1)
    .max(1005)
    .refine((files) => new Set(files.map(({ path }) => path)).size === files.length, 'names a file twice'),
  prefer: z.enum(['ours', 'theirs']).optional(),
  /** Confirms what decides what agents may do: policy, environment, limits, programs, images; and commands of tasks. */
  accept: z.boolean().default(false),
  ...asked,
});
export const ImportedTask = z.object({
  agent_id: AgentId,
  /** Null until it is imported, where its file gives it none. */
  id: z.string().nullable(),
  title: z.string(),
  change: z.enum(['added', 'changed']),
});
export type ImportedTask = z.infer<typeof ImportedTask>;
export const ImportResult = z.object({
  dry_run: z.boolean(),
  conflicts: z.array(MergeConflict.extend({ file: FileName })),
  /** What needs `accept`, field by field; `null` where absent. */
  security: z.array(z.object({ file: FileName, key: z.string(), before: z.unknown(), after: z.unknown() })),
  unknown_keys: z.array(z.string()),
  commit: RegistryCommit.nullable(),
  objects: z.array(ObjectChange),
  tasks: z.array(ImportedTask),
  reconciled: z.array(ReconcileStep),
});
export type ImportResult = z.infer<typeof ImportResult>;
