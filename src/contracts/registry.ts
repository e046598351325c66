import * as z from 'zod';
import { AgentId, CommitHash, Timestamp } from './ids.js';

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
  /** The newest commit of the branch that it merged, or of the bundle that it imported. */
  merge_of: z.string().nullable().default(null),
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
  /** Changes of one agent, whoever made them: also those that came with a rollback, a merge or a hand edit. */
  agent: AgentId.optional(),
  /** The same for any object, as `service:browser` or `policy:approval-policy`. */
  object: z
    .string()
    .regex(/^[a-z]{1,20}:[A-Za-z0-9][A-Za-z0-9._ >-]{0,200}$/)
    .optional(),
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

/** Files of intent, as rollbacks and merges name them. */
export const IntentFileName = z.enum([
  'agents.toml',
  'agent-relationships.toml',
  'approval-policy.toml',
  'mcp-services.toml',
  'system-config.toml',
]);
export type IntentFileName = z.infer<typeof IntentFileName>;

/** Names of branches and tags become ref names: a strict grammar, so that nothing in one can be an option or a ref trick. */
const RefName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$/, 'must be 1 to 50 characters of a-z, 0-9 and "-", not at either end');
export const BranchName = RefName.refine((name) => name !== 'record' && name !== 'head', 'is a reserved word');
export const TagName = RefName;

/** Which part of the registry follows a rollback; neither: all of it. */
const scope = {
  /** Only the tables of these agents. */
  agents: z.array(AgentId).min(1).max(100).optional(),
  /** Only these files. */
  paths: z.array(IntentFileName).min(1).optional(),
};
export const asked = { confirm: z.boolean().default(false), dry_run: z.boolean().default(false) };

export const RollbackRequest = z
  .strictObject({
    commit_hash: CommitHash.optional(),
    /** A named point. */
    tag: TagName.optional(),
    /** The version that was in force at this time. */
    at: Timestamp.optional(),
    /** The version that was in force this many hours ago. */
    hours: z.number().positive().max(87_600).optional(),
    /** Undo the newest commit. */
    last: z.literal(true).optional(),
    ...scope,
    ...asked,
  })
  .refine((r) => [r.commit_hash, r.tag, r.at, r.hours, r.last].filter((v) => v !== undefined).length === 1, {
    message: 'name exactly one of commit_hash, tag, at, hours, last',
    path: ['commit_hash'],
  })
  .refine((r) => r.agents === undefined || r.paths === undefined, {
    message: 'name agents or paths, not both',
    path: ['paths'],
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

/** Takes back the newest rollback of the branch in force. Done twice, it does the rollback again. */
export const UndoRequest = z.strictObject(asked).prefault({});

export const RegistryBranch = z.object({
  name: BranchName,
  head: CommitHash,
  /** Whether it is in force. */
  current: z.boolean(),
  /** Commits that it has and the branch in force has not, and the other way round. */
  ahead: z.number().int(),
  behind: z.number().int(),
  subject: z.string(),
  timestamp: Timestamp,
});
export type RegistryBranch = z.infer<typeof RegistryBranch>;
export const BranchList = z.object({ branches: z.array(RegistryBranch) });
/** Starts where `from` says; else at what is in force. */
export const CreateBranch = z.strictObject({ name: BranchName, from: CommitHash.optional() });
/** Puts another branch in force, live. */
export const SwitchRequest = z.strictObject(asked).prefault({});
export const SwitchResult = z.object({
  dry_run: z.boolean(),
  from: z.string(),
  to: z.string(),
  head: CommitHash,
  objects: z.array(ObjectChange),
  reconciled: z.array(ReconcileStep),
});
export type SwitchResult = z.infer<typeof SwitchResult>;

/** A key that both branches changed, each in its own way; `null` where it is absent. */
export const MergeConflict = z.object({
  file: IntentFileName,
  key: z.string(),
  base: z.unknown(),
  ours: z.unknown(),
  theirs: z.unknown(),
});
export type MergeConflict = z.infer<typeof MergeConflict>;
/** `ours` is the branch in force. Nothing changes while one conflict has no choice. */
export const MergeRequest = z
  .strictObject({
    choices: z
      .array(z.strictObject({ file: IntentFileName, key: z.string().max(500), take: z.enum(['ours', 'theirs']) }))
      .max(1000)
      .default([]),
    /** For every conflict without a choice of its own. */
    prefer: z.enum(['ours', 'theirs']).optional(),
    ...asked,
  })
  .prefault({});
export type MergeRequest = z.infer<typeof MergeRequest>;
export const MergeResult = z.object({
  dry_run: z.boolean(),
  from: z.string(),
  conflicts: z.array(MergeConflict),
  commit: RegistryCommit.nullable(),
  objects: z.array(ObjectChange),
  reconciled: z.array(ReconcileStep),
});
export type MergeResult = z.infer<typeof MergeResult>;

export const RegistryTag = z.object({
  name: TagName,
  commit_hash: CommitHash,
  message: z.string(),
  actor: z.string(),
  timestamp: Timestamp,
});
export type RegistryTag = z.infer<typeof RegistryTag>;
export const TagList = z.object({ tags: z.array(RegistryTag) });
export const CreateTag = z.strictObject({
  name: TagName,
  commit_hash: CommitHash.optional(),
  message: z.string().trim().max(500).default(''),
});

/** The copy of the registry on a remote. */
export const RemoteStatus = z.object({
  /** `behind`: there is something to push; `diverged`: the remote has commits that are not here, and none is overwritten. */
  state: z.enum(['off', 'ok', 'pushing', 'behind', 'diverged', 'failed']),
  url: z.string().nullable(),
  detail: z.string(),
  last_push_at: Timestamp.nullable(),
  next_try_at: Timestamp.nullable(),
  /** Pushes in a row that did not work. */
  failures: z.number().int(),
});
export type RemoteStatus = z.infer<typeof RemoteStatus>;
/** What is not given stays as it is; an empty url ends the backup. */
export const RemoteRequest = z.strictObject({
  url: z.string().max(500).optional(),
  /** `env:NAME` or `file:NAME`, never the token itself; empty: none. */
  token: z.string().max(300).optional(),
  user: z.string().max(100).optional(),
  push_every_s: z.number().int().min(1).max(86_400).optional(),
});
export type RemoteRequest = z.infer<typeof RemoteRequest>;

/** Where and why a file on the disk does not fit. */
export const FileProblem = z.object({ line: z.number().int(), field: z.string(), message: z.string() });
export type FileProblem = z.infer<typeof FileProblem>;

/** A hand edit that is not in force: `held` until a person confirms it, or `invalid` until somebody mends it. */
export const ExternalEdit = z.object({
  file: IntentFileName,
  state: z.enum(['held', 'invalid']),
  /** Names the text on the disk; a decision names it too, so that nobody confirms what they have not seen. */
  version: z.string(),
  since: Timestamp,
  /** What waits, field by field; `null` where absent. */
  fields: z.array(z.object({ key: z.string(), before: z.unknown(), after: z.unknown() })),
  problem: FileProblem.nullable(),
  /** The commit that keeps this text: `git show <saved>:<file>`. Null: it is on the disk only. */
  saved: CommitHash.nullable(),
});
export type ExternalEdit = z.infer<typeof ExternalEdit>;

/** A hand edit and a write changed one key, each in its own way. The later one has it; both are in git. */
export const EditConflict = z.object({
  file: IntentFileName,
  conflicts: z.array(MergeConflict.omit({ file: true })),
  /** `theirs`: the hand edit has the keys; `ours`: the write has them. */
  taken: z.enum(['ours', 'theirs']),
  at: Timestamp,
});
export type EditConflict = z.infer<typeof EditConflict>;

export const ExternalEdits = z.object({
  edits: z.array(ExternalEdit),
  /** The newest ones since Nox started, newest first. */
  conflicts: z.array(EditConflict),
});
export type ExternalEdits = z.infer<typeof ExternalEdits>;

/** Which edits are decided about, by file and by the version that was looked at. */
export const ExternalDecision = z.strictObject({
  edits: z
    .array(z.strictObject({ file: IntentFileName, version: z.string().max(64) }))
    .min(1)
    .max(10),
  confirm: z.boolean().default(false),
});
export type ExternalDecision = z.infer<typeof ExternalDecision>;
export const ExternalDecided = z.object({
  files: z.array(IntentFileName),
  /** Null for a rejection: what is in force has not changed. */
  commit: RegistryCommit.nullable(),
  objects: z.array(ObjectChange),
  reconciled: z.array(ReconcileStep),
  /** Where each text is that was not accepted, as `git show <commit>:<file>` or the path of a file. */
  kept: z.array(z.object({ file: IntentFileName, commit: CommitHash.nullable(), path: z.string().nullable() })),
});
export type ExternalDecided = z.infer<typeof ExternalDecided>;

/** Events of the registry beside commits. */
export const REGISTRY_EVENTS = {
  /** A hand edit changes what only a person may change: it waits. */
  'registry.held': z.object({ edit: ExternalEdit }),
  /** A file that did not fit, or held something that waited, does so no more. */
  'registry.mended': z.object({ file: IntentFileName }),
  'registry.conflict': z.object({ conflict: EditConflict }),
  'registry.accepted': z.object({ files: z.array(IntentFileName), commit_hash: CommitHash, actor: z.string() }),
  'registry.rejected': z.object({ files: z.array(IntentFileName), actor: z.string() }),
  'registry.switched': z.object({
    from: z.string(),
    to: z.string(),
    actor: z.string(),
    reconciled: z.array(ReconcileStep),
  }),
  /** A branch or a tag was made or deleted. */
  'registry.named': z.object({
    kind: z.enum(['branch', 'tag']),
    name: z.string(),
    change: z.enum(['created', 'deleted']),
    commit_hash: CommitHash,
    actor: z.string(),
  }),
  /** The backup has come to another state, or to the same for another reason. */
  'registry.remote': z.object({ remote: RemoteStatus }),
  /** The repository on the disk is not whole; nothing is written to it until it is repaired. */
  'registry.damaged': z.object({ problems: z.array(z.string()) }),
} as const;

export const RegistryStatus = z.object({
  path: z.string(),
  head: CommitHash.nullable(),
  branch: z.string(),
  record_head: CommitHash.nullable(),
  dirty: z.array(z.string()),
  /** Files on disk that do not parse or do not fit; the last good version stays in force. */
  invalid: z.array(z.object({ file: z.string(), message: z.string(), line: z.number().int(), field: z.string() })),
  /** Files with a hand edit that waits for a person; see GET /registry/external. */
  held: z.array(z.object({ file: IntentFileName, fields: z.array(z.string()) })),
  record_pending: z.number().int(),
  remote: RemoteStatus,
});
export type RegistryStatus = z.infer<typeof RegistryStatus>;

/** Whether the repository is whole, down to the last byte. */
export const CareStatus = z.object({
  ok: z.boolean(),
  /** In git's words. While there are any, nothing is written. */
  problems: z.array(z.string()),
  checked_at: Timestamp.nullable(),
  /** What a damaged registry is repaired from. */
  bundle: z.object({ path: z.string(), made_at: Timestamp }).nullable(),
});
export type CareStatus = z.infer<typeof CareStatus>;
export const RepairResult = z.object({
  problems: z.array(z.string()),
  /** Where the damaged parts were put. */
  damaged_folder: z.string(),
  /** `repository`: with commits that are newer than the bundle. */
  refs: z.array(z.object({ ref: z.string(), commit_hash: CommitHash, from: z.enum(['bundle', 'repository']) })),
});
export type RepairResult = z.infer<typeof RepairResult>;
/** Days of the record's history to keep; without it what `retention.record_days` says. */
export const PruneRequest = z
  .strictObject({ days: z.number().int().min(1).max(36_500).optional(), ...asked })
  .prefault({});
export const PruneResult = z.object({
  dry_run: z.boolean(),
  /** Commits younger than this stay as they are. */
  before: Timestamp,
  /** Commits that go into the new base, and those that stay on top of it. */
  pruned: z.number().int(),
  kept: z.number().int(),
  /** The newest pruned commit: the base has its files, and names it. */
  from: CommitHash.nullable(),
  /** Where the record was, and is now. */
  old_head: CommitHash.nullable(),
  new_head: CommitHash.nullable(),
});
export type PruneResult = z.infer<typeof PruneResult>;
const Size = z.object({ packs: z.number().int(), pack_bytes: z.number().int(), loose_objects: z.number().int() });
export const GcResult = z.object({ dry_run: z.boolean(), before: Size, after: Size });
export type GcResult = z.infer<typeof GcResult>;
