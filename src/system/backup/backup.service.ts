import type { ReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { Surroundings } from '../../agents/surroundings.js';
import type { Actor } from '../../contracts/auth.js';
import { type Backup, BACKUP_FILES, type BackupManifest, BackupName } from '../../contracts/backup.js';
import { EventLog } from '../../events/event-log.js';
import type { RefAt } from '../../registry/care/bundle.js';
import { registryFromBundle } from '../../registry/care/from-bundle.js';
import { gitError, GitFailure } from '../../registry/git/git-process.js';
import { RegistryService } from '../../registry/registry.service.js';
import { makeFolder, syncPath } from '../../shared/atomic-file.js';
import { Clock } from '../../shared/clock.js';
import { runApart } from '../../shared/db/apart.js';
import { type JournalSnapshot, StateDb } from '../../shared/db/state-db.js';
import { KeyedQueue } from '../../shared/keyed-queue.js';
import { errnoOf, messageOf, NoxError } from '../../shared/nox-error.js';
import { VERSION } from '../../shared/version.js';
import { openArchive, sha256OfFile, writeArchive } from './archive.js';

const WORK_PREFIX = 'making-';

/** What a backup is not: all of it is found elsewhere, or must not travel. */
const LEFT_OUT = [
  'secrets: .nox/secrets, the keys that sign logins, and the environment of Nox',
  'logins: whoever was logged in logs in again; links for logins and approvals no longer work',
  "the agents' working folders and the Claude CLI's own transcripts: agents begin new conversations where those are gone",
];

/**
 * What makes a copy safe to open elsewhere: no login lives on in it, and no process of another Nox is taken for its own.
 * Afterwards it is one file without a log beside it.
 */
const CLEAN = [
  'PRAGMA secure_delete = ON',
  'DELETE FROM refresh_tokens',
  'DELETE FROM login_links',
  'DELETE FROM approval_links',
  `UPDATE runs SET ended_ms = started_ms, exit_json = '{"reason":"the backup was made while it ran"}' WHERE ended_ms IS NULL`,
  'PRAGMA wal_checkpoint(TRUNCATE)',
  'PRAGMA journal_mode = DELETE',
  'PRAGMA user_version',
  'SELECT count(*) AS events, coalesce(max(seq), 0) AS last_seq FROM events',
];

/**
 * Makes backups of registry and journal together while Nox works on: the journal at one instant, the record as of the same
 * instant, intent as of it or a moment later. That is what a crash at that instant would have left, so a start from it is
 * an ordinary recovery. The newest one is kept in `.nox/backups`.
 */
@Injectable()
export class BackupService {
  private readonly queue = new KeyedQueue<'backup'>();
  private readonly folder: string;

  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Surroundings) private readonly surroundings: Surroundings,
  ) {
    this.folder = join(surroundings.home, 'backups');
  }

  /** Makes one and reads it back. REGISTRY_DAMAGED, STORAGE_FAILED. */
  make(actor: Actor): Promise<Backup> {
    return this.queue.run('backup', async () => {
      await makeFolder(this.folder, 0o700);
      await this.clear((name) => name.startsWith(WORK_PREFIX));
      const work = await mkdtemp(join(this.folder, WORK_PREFIX));
      try {
        const made = await this.makeIn(work);
        const { name, bytes, sha256 } = made;
        await this.events.append('system.backed_up', { name, bytes, sha256, actor: actor.name });
        return made;
      } catch (error) {
        throw this.told(error);
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    });
  }

  /** NOT_FOUND when it is not the newest. */
  async open(name: string): Promise<{ bytes: number; stream: ReadStream }> {
    const path = join(this.folder, BackupName.parse(name));
    const file = await open(path, 'r').catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
      throw new NoxError('NOT_FOUND', 'There is no such backup any more; only the newest is kept.', { name });
    });
    return { bytes: (await file.stat()).size, stream: file.createReadStream() };
  }

  private async makeIn(work: string): Promise<Backup> {
    const created_at = this.clock.iso();
    const files = join(work, 'files');
    await mkdir(files, { mode: 0o700 });
    const waiting = (await this.registry.external.view()).edits.map(({ file }) => file);
    const { branch } = await this.registry.status();
    const agents = this.registry.agents().size;
    const refs = await this.copy(files);
    const facts = await this.cleanJournal(join(files, 'state.db'));
    const manifest: BackupManifest = {
      format: 1,
      version: VERSION,
      created_at,
      branch,
      refs,
      journal: { schema: facts.schema, last_seq: facts.last_seq },
      files: await Promise.all(
        BACKUP_FILES.map(async (name) => ({ name, ...(await sha256OfFile(join(files, name))) })),
      ),
      left_out: this.leftOut(),
    };
    const packed = join(work, 'packed');
    await writeArchive(files, manifest, packed);
    await this.proveWhole(packed, join(work, 'read-back'));
    const sum = await sha256OfFile(packed);
    const name = `nox-backup-${created_at.replace(/[-:]|\.\d+/g, '')}.tar.gz`;
    const head = refs.find(({ ref }) => ref === `refs/heads/${branch}`)?.hash;
    if (head === undefined) throw new NoxError('GIT_OPERATION_FAILED', `The bundle lacks branch ${branch}.`);
    await rename(packed, join(this.folder, name));
    await syncPath(this.folder);
    // The last one goes when the new one cannot be lost any more.
    await this.clear((old) => old !== name && BackupName.safeParse(old).success);
    return { name, ...sum, created_at, head, agents, events: facts.events, left_out: manifest.left_out, waiting };
  }

  private async copy(files: string): Promise<RefAt[]> {
    let snapshot: JournalSnapshot | undefined;
    const pin = (): void => {
      snapshot = this.db.snapshot();
    };
    try {
      const refs = await this.registry.care.copyTo(join(files, 'registry.bundle'), pin);
      await snapshot?.copyTo(join(files, 'state.db'));
      return refs;
    } finally {
      snapshot?.release();
    }
  }

  private async cleanJournal(path: string): Promise<{ schema: number; events: number; last_seq: number }> {
    const [schema, counts] = (await runApart(path, CLEAN)).slice(-2).map(([row]) => row ?? {});
    const number = (value: unknown): number => Number(value ?? 0);
    return {
      schema: number(schema?.['user_version']),
      events: number(counts?.['events']),
      last_seq: number(counts?.['last_seq']),
    };
  }

  /** As a restore would read it: checksums, journal, and every object of the registry. */
  private async proveWhole(packed: string, folder: string): Promise<void> {
    const { refs, branch } = await openArchive(packed, folder);
    await registryFromBundle(join(folder, 'registry'), join(folder, 'registry.bundle'), refs, branch);
  }

  /** What failed on the way: the disk in one of several hands, git, or Nox. */
  private told(error: unknown): unknown {
    const is_disk =
      ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS'].includes(errnoOf(error) ?? '') ||
      /No space left|quota exceeded|database or disk is full|disk I\/O error/i.test(messageOf(error));
    if (is_disk) {
      const message = `The disk refused the backup; it needs about three times the room of registry and journal free in ${this.folder}.`;
      return new NoxError('STORAGE_FAILED', message, undefined, { cause: error });
    }
    return error instanceof GitFailure ? gitError(error) : error;
  }

  private leftOut(): string[] {
    const redis = this.surroundings.env['NOX_REDIS_URL'];
    if (redis === undefined || redis === '') return [...LEFT_OUT];
    return [...LEFT_OUT, 'messages that wait on Redis: back it up by its own means'];
  }

  private async clear(which: (name: string) => boolean): Promise<void> {
    for (const name of await readdir(this.folder))
      if (which(name)) await rm(join(this.folder, name), { recursive: true, force: true });
  }
}
