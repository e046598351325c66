import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BACKUP_FILES } from '../../src/contracts/backup.js';
import { makeBundle } from '../../src/registry/care/bundle.js';
import { GitProcess } from '../../src/registry/git/git-process.js';
import { runApart } from '../../src/shared/db/apart.js';
import { StateDb } from '../../src/shared/db/state-db.js';
import { sha256OfFile, writeArchive } from '../../src/system/backup/archive.js';

/** Makes a backup as Nox does, of a registry and a new journal that holds `mark`. */
export async function backUp(root: string, work: string, file: string, mark: string): Promise<void> {
  await mkdir(work);
  const refs = await makeBundle(new GitProcess(root), join(work, 'registry.bundle'));
  await markedJournal(join(work, 'state.db'), mark);
  const [bundle, journal] = await Promise.all(
    BACKUP_FILES.map(async (name) => ({ name, ...(await sha256OfFile(join(work, name))) })),
  );
  if (bundle === undefined || journal === undefined) throw new Error('two files');
  const facts = { format: 1, version: '0.0.0', created_at: '2026-01-01T00:00:00.000Z', branch: 'main' } as const;
  const manifest = { ...facts, refs, journal: { schema: 1, last_seq: 7 }, files: [bundle, journal], left_out: [] };
  await writeArchive(work, manifest, file);
  await rm(work, { recursive: true });
}

/** A journal, closed, as a single file. */
export async function markedJournal(path: string, mark: string): Promise<void> {
  const journal = new StateDb(path);
  await journal.setMeta('mark', mark);
  journal.close();
  await runApart(path, ['PRAGMA journal_mode = DELETE']);
}
