import * as z from 'zod';
import { CommitHash, Timestamp } from './ids.js';

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Files of a backup beside its manifest. */
export const BACKUP_FILES = ['registry.bundle', 'state.db'] as const;

/** What a backup holds and how to tell that it is whole: `manifest.json` inside it. */
export const BackupManifest = z.object({
  format: z.literal(1, { message: 'must be 1: this Nox reads no other format; use the version that made the backup' }),
  version: z.string(),
  created_at: Timestamp,
  /** Of the registry that was in force. */
  branch: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?$/),
  refs: z.array(
    z.object({
      /** Of any name that git takes: a person may keep tags and branches of their own beside those of Nox. */
      ref: z
        .string()
        .max(1000)
        // oxlint-disable-next-line no-control-regex -- these are the characters that git refuses, too
        .regex(/^refs\/(?!.*(?:\.\.|\/\/|@\{))[^\u0000-\u0020\u007f~^:?*[\\]+$/),
      hash: z.string().regex(/^[0-9a-f]{40}$/),
    }),
  ),
  journal: z.object({ schema: z.number().int(), last_seq: z.number().int() }),
  files: z.array(z.object({ name: z.enum(BACKUP_FILES), bytes: z.number().int(), sha256: Sha256 })).length(2),
  /** What is not in it, in words. */
  left_out: z.array(z.string()),
});
export type BackupManifest = z.infer<typeof BackupManifest>;

export const BackupName = z.string().regex(/^nox-backup-[0-9TZ-]{10,30}\.tar\.gz$/);

/** A backup that was made, read back and found whole. */
export const Backup = z.object({
  name: BackupName,
  bytes: z.number().int(),
  sha256: Sha256,
  created_at: Timestamp,
  /** The newest commit of what is in force. */
  head: CommitHash,
  agents: z.number().int(),
  events: z.number().int(),
  left_out: z.array(z.string()),
  /** Files with a hand edit that is not in force: what is on the disk of them is not in the backup. */
  waiting: z.array(z.string()),
});
export type Backup = z.infer<typeof Backup>;
