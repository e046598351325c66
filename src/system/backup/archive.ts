import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BACKUP_FILES, BackupManifest } from '../../contracts/backup.js';
import { runApart } from '../../shared/db/apart.js';
import { messageOf, NoxError } from '../../shared/nox-error.js';
import { packFiles, unpackFiles } from '../../shared/tar.js';

const MANIFEST = 'manifest.json';
const MAX_MANIFEST_BYTES = 1024 * 1024;

export async function sha256OfFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const facts = await lstat(path);
  if (!facts.isFile()) throw new Error('it is no file');
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { bytes: facts.size, sha256: hash.digest('hex') };
}

/** Packs a folder's backup files and their manifest into one file, readable by its owner alone, on the disk. */
export async function writeArchive(folder: string, manifest: BackupManifest, path: string): Promise<void> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeFile(join(folder, MANIFEST), text, { flag: 'wx', mode: 0o600 });
  await packFiles(
    folder,
    [MANIFEST, ...BACKUP_FILES],
    createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }),
  );
}

/**
 * Unpacks a backup into a new folder and checks it as far as it can be checked without making it live: format, sizes,
 * checksums, the journal's own consistency. INVALID_STATE, saying what is wrong.
 */
export async function openArchive(path: string, folder: string): Promise<BackupManifest> {
  await mkdir(folder, { mode: 0o700 });
  await unpackFiles(createReadStream(path), folder).catch((error: unknown) => {
    throw bad(path, `cannot be read: ${messageOf(error)}`);
  });
  const manifest = await readManifest(path, folder);
  for (const file of manifest.files) {
    const found = await sha256OfFile(join(folder, file.name)).catch((error: unknown) => {
      throw bad(path, `lacks ${file.name}: ${messageOf(error)}`);
    });
    if (found.bytes !== file.bytes || found.sha256 !== file.sha256)
      throw bad(path, `is damaged: ${file.name} is not what its checksum says`);
  }
  await checkJournal(join(folder, 'state.db')).catch((error: unknown) => {
    throw bad(path, `holds a damaged journal: ${messageOf(error)}`);
  });
  return manifest;
}

async function readManifest(path: string, folder: string): Promise<BackupManifest> {
  const where = join(folder, MANIFEST);
  const facts = await lstat(where).catch(() => undefined);
  if (facts?.isFile() !== true || facts.size > MAX_MANIFEST_BYTES) throw bad(path, 'is no backup of Nox');
  try {
    return BackupManifest.parse(JSON.parse(await readFile(where, 'utf8')));
  } catch (error) {
    throw bad(path, `has a manifest that does not fit: ${messageOf(error)}`);
  }
}

/** Throws in SQLite's words when a page, an index or a reference of the database is not whole. */
export async function checkJournal(path: string): Promise<void> {
  const [pages = [], links = []] = await runApart(path, ['PRAGMA integrity_check(5)', 'PRAGMA foreign_key_check']);
  const said = pages.map((row) => String(Object.values(row)[0]));
  if (said.join() !== 'ok') throw new Error(said.join('; '));
  if (links.length > 0) throw new Error(`${links.length} rows refer to rows that are not there`);
}

const bad = (path: string, what: string): NoxError => new NoxError('INVALID_STATE', `${path} ${what}.`);
