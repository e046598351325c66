import * as z from 'zod';
import { CommitHash, Timestamp } from './ids.js';

/** A commit of the registry; actor, action and object come from its trailers. */
export const RegistryCommit = z.object({
  hash: CommitHash,
  subject: z.string(),
  author: z.string(),
  timestamp: Timestamp,
  actor: z.string().nullable(),
  action: z.string().nullable(),
  object: z.string().nullable(),
  request_id: z.string().nullable(),
  rollback_of: z.string().nullable(),
  rollback_to: z.string().nullable(),
  files: z.array(z.string()),
});
export type RegistryCommit = z.infer<typeof RegistryCommit>;

export const HistoryQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(20),
  /** Commits before (older than) this one, for paging. */
  before: CommitHash.optional(),
  /** One file, as `agents.toml`. */
  path: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/)
    .refine((p) => !p.split('/').includes('..'))
    .optional(),
  since: Timestamp.optional(),
  /** intent (the default) or the record of what happened. */
  ref: z.enum(['main', 'record']).default('main'),
});
export const History = z.object({ commits: z.array(RegistryCommit), has_more: z.boolean() });

/** What changed between two versions, by object. Values are as in the TOML, `null` where absent. */
export const ObjectChange = z.object({
  kind: z.enum(['agent', 'relationships', 'policy', 'service', 'config', 'file']),
  id: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
  fields: z.array(z.object({ field: z.string(), before: z.unknown(), after: z.unknown() })),
});
export type ObjectChange = z.infer<typeof ObjectChange>;

export const DiffQuery = z.object({ from: CommitHash.optional(), to: CommitHash.optional() });
/** Default: the newest commit against the one before it. */
export const RegistryDiff = z.object({
  from: CommitHash.nullable(),
  to: CommitHash,
  objects: z.array(ObjectChange),
  /** Unified diff of the files. */
  patch: z.string(),
});
export type RegistryDiff = z.infer<typeof RegistryDiff>;

export const CommitView = RegistryDiff.extend({ commit: RegistryCommit });

/** What the live system does when its intent changes. */
export const ReconcileStep = z.object({
  agent_id: z.string(),
  action: z.enum(['create', 'remove', 'start', 'stop', 'restart', 'update']),
  reason: z.string(),
});
export type ReconcileStep = z.infer<typeof ReconcileStep>;

export const RollbackRequest = z
  .strictObject({
    commit_hash: CommitHash.optional(),
    /** The version that was in force at this time. */
    at: Timestamp.optional(),
    /** The version that was in force this many hours ago. */
    hours: z.number().positive().max(87_600).optional(),
    /** Undo the newest commit. */
    last: z.literal(true).optional(),
    confirm: z.boolean().default(false),
    dry_run: z.boolean().default(false),
  })
  .refine((r) => [r.commit_hash, r.at, r.hours, r.last].filter((v) => v !== undefined).length === 1, {
    message: 'name exactly one of commit_hash, at, hours, last',
    path: ['commit_hash'],
  });
export type RollbackRequest = z.infer<typeof RollbackRequest>;

/** With `dry_run` what would happen; else what did, and `commit` is the new one. */
export const RollbackResult = z.object({
  dry_run: z.boolean(),
  target: RegistryCommit,
  commit: RegistryCommit.nullable(),
  objects: z.array(ObjectChange),
  reconciled: z.array(ReconcileStep),
  patch: z.string(),
});
export type RollbackResult = z.infer<typeof RollbackResult>;

export const RegistryStatus = z.object({
  path: z.string(),
  head: CommitHash.nullable(),
  branch: z.string(),
  record_head: CommitHash.nullable(),
  dirty: z.array(z.string()),
  /** Files on disk that do not parse or do not fit; the last good version stays in force. */
  invalid: z.array(z.object({ file: z.string(), message: z.string() })),
  record_pending: z.number().int(),
});
export type RegistryStatus = z.infer<typeof RegistryStatus>;
