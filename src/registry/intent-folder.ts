import { randomBytes } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { access, link, lstat, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, syncPath, TMP_PREFIX, writeFileAtomic } from '../shared/atomic-file.js';
import { errnoOf, messageOf, NoxError } from '../shared/nox-error.js';
import { WriterError } from './git/writer/writer-error.js';
import { type FileProblem, INTENT_FILES, type IntentFile, MAX_INTENT_BYTES } from './intent.js';

/** Paths of the record; the rest of the folder is intent. */
export const RECORD_PATHS = [
  'agents',
  'tasks',
  'approval-history',
  'approval-history.toml',
  'resource-usage.toml',
] as const;

/** The error that callers see when the disk, not git, refused. */
export function storageError(error: unknown): NoxError {
  if (error instanceof NoxError) return error;
  const message = `The disk refused the write; nothing was changed: ${messageOf(error)}`;
  return new NoxError('STORAGE_FAILED', message, { errno: errnoOf(error) ?? null }, { cause: error });
}

/** How coarse the times of files may be, with room. */
const COARSE_MS = 50;

/** A replaced file whose old version is still at hand. */
export interface Replaced {
  /** Brings the old version back, without needing space for it. */
  undo(): Promise<void>;
  /** Lets the old version go. */
  forget(): Promise<void>;
  /** What stood there in the instant before. */
  readonly old_text: string;
}

/** The files as they stand there. */
export interface FolderRead {
  readonly texts: Map<IntentFile, string>;
  /** Why a file has no text. */
  readonly problems: readonly FileProblem[];
  /** When a file was last touched, by the disk's clock. */
  readonly changed_ms: ReadonlyMap<IntentFile, number>;
}

/** The folder's intent files as bytes on a disk. */
export class IntentFolder {
  private readonly known = new Map<
    IntentFile,
    { readonly stat: BigIntStats; readonly read: string | FileProblem; readonly settled: boolean }
  >();

  constructor(readonly root: string) {}

  /** Text by file; what cannot be read as one is a problem. */
  async read(): Promise<FolderRead> {
    const texts = new Map<IntentFile, string>();
    const problems: FileProblem[] = [];
    const changed_ms = new Map<IntentFile, number>();
    await Promise.all(
      INTENT_FILES.map(async (file) => {
        const text = await this.readOne(file);
        if (typeof text === 'string') texts.set(file, text);
        else problems.push(text);
        const stat = this.known.get(file)?.stat;
        if (stat !== undefined) changed_ms.set(file, Number(stat.ctimeNs / 1_000_000n));
      }),
    );
    return { texts, problems, changed_ms };
  }

  /** Brings files of the template that are missing here; those that exist stay. */
  async fill(template_path: string, names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        // In the template it has no dot, else it would hide the template's own record files from git.
        const from = join(template_path, name === '.gitignore' ? 'gitignore' : name);
        if ((await exists(join(this.root, name))) || !(await exists(from))) return;
        if ((await stat(from)).isDirectory()) await makeFolder(join(this.root, name));
        else await writeFileAtomic(join(this.root, name), await readFile(from));
      }),
    );
  }

  /** Replaces a file; see writeFileAtomic. A link to the old version is kept until it is forgotten. */
  async replace(file: IntentFile, text: string): Promise<Replaced> {
    const path = join(this.root, file);
    const backup = join(this.root, `${TMP_PREFIX}old-${file}-${randomBytes(6).toString('hex')}`);
    const linked = await tryLink(path, backup);
    try {
      const old_text = await readFile(path, 'utf8');
      await writeFileAtomic(path, text);
      if (!linked) return { old_text, undo: () => writeFileAtomic(path, old_text), forget: () => Promise.resolve() };
      return {
        // Read after the rename: what an editor wrote into the file until then is in it.
        old_text: await readFile(backup, 'utf8'),
        undo: () => rename(backup, path),
        forget: () => unlink(backup),
      };
    } catch (error) {
      if (linked) await rename(backup, path);
      throw error;
    }
  }

  /** What stands there is on the disk when it resolves. WriterError `edited` when nothing does at this moment. */
  async flush(file: IntentFile): Promise<void> {
    try {
      await syncPath(join(this.root, file));
      await syncPath(this.root);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw new WriterError('edited', file);
      throw storageError(error);
    }
  }

  /** Puts a text where no text can be read: nothing, a link, or bytes that are none. Those are moved aside. */
  async restore(file: IntentFile, text: string): Promise<void> {
    const path = join(this.root, file);
    try {
      await rename(path, join(this.root, `${file}.unreadable`));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    await writeFileAtomic(path, text);
  }

  /** Removes what a crash left half-written. */
  async removeTemporaryFiles(): Promise<void> {
    const shallow = await readdir(this.root);
    const git = await readdir(join(this.root, '.git'));
    const record = await Promise.all(
      RECORD_PATHS.filter((name) => !name.endsWith('.toml')).map(async (name) => {
        const names = await readdir(join(this.root, name), { recursive: true }).catch(noNames);
        return names.map((inner) => join(name, inner));
      }),
    );
    const all = [...shallow, ...git.map((name) => join('.git', name)), ...record.flat()];
    const left = all.filter((name) => name.slice(name.lastIndexOf('/') + 1).startsWith(TMP_PREFIX));
    await Promise.all(left.map((name) => unlink(join(this.root, name))));
  }

  /** A file that has not been touched since it was read is not read again. */
  private async readOne(file: IntentFile): Promise<string | FileProblem> {
    const path = join(this.root, file);
    const known = this.known.get(file);
    const stat = await lstat(path, { bigint: true }).catch(noFile);
    if (known !== undefined && stat !== undefined && known.settled && sameStat(known.stat, stat)) return known.read;
    const now_ms = Date.now();
    const read = await readText(path, file);
    // What was read may be younger than what was looked at before.
    const after = await lstat(path, { bigint: true }).catch(noFile);
    // Times of files are coarse: one that was changed just now may change again and keep them.
    const settled =
      stat !== undefined &&
      after !== undefined &&
      sameStat(stat, after) &&
      now_ms - Number(stat.ctimeNs / 1_000_000n) > COARSE_MS;
    if (after === undefined) this.known.delete(file);
    else this.known.set(file, { stat: after, read, settled });
    return read;
  }
}

async function readText(path: string, file: IntentFile): Promise<string | FileProblem> {
  const problem = (message: string): FileProblem => ({ file, line: 1, field: '', message });
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) return problem('is not a regular file');
      if (stat.size > MAX_INTENT_BYTES) return problem(`is larger than ${MAX_INTENT_BYTES} bytes`);
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await handle.readFile());
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return problem('is missing; "git restore" brings it back');
    if (errnoOf(error) === 'ELOOP') return problem('is a symbolic link, which is not followed');
    if (error instanceof TypeError) return problem('is not UTF-8 text');
    return problem(messageOf(error));
  }
}

const sameStat = (a: BigIntStats, b: BigIntStats): boolean =>
  a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;

function noFile(error: unknown): undefined {
  if (errnoOf(error) === 'ENOENT') return undefined;
  throw error;
}

/** False on file systems without hard links. */
async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function noNames(error: unknown): string[] {
  if (errnoOf(error) === 'ENOENT') return [];
  throw error;
}
