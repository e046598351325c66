import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { failpoint } from '../../../shared/failpoint.js';
import { errnoOf } from '../../../shared/nox-error.js';
import { gitEnvironment, PIN_ARGUMENTS } from '../git-process.js';
import type { CommitReply, CommitRequest, FileChange, GitWriter, NewCommit } from './commit-request.js';
import { Disk, type FileStat } from './disk.js';
import { FolderFiles, type Replaced, type Wanted } from './folder-files.js';
import { blobOid, commitObject, gitObject, type GitObject, signature } from './git-object.js';
import { carriedOver, formatIndex, type IndexEntry, indexEntry, parseIndex } from './index-file.js';
import { ObjectStore } from './object-store.js';
import { writePromise } from './promise-file.js';
import { FileLock, NO_COMMIT, RefStore } from './ref-store.js';
import { Stage } from './stage.js';
import { Tree } from './tree.js';
import { WriterError } from './writer-error.js';

/** Of a file that is in no merge. */
const STAGE_0 = '\u{0}0';
const MAX_LISTING_BYTES = 1024 * 1024 * 1024;

interface KnownRef {
  tip: string | null;
  tree: Tree;
}

/** A commit that is on the disk, and what is left to do. */
interface Written {
  readonly reply: CommitReply;
  readonly tidy: () => void;
}

/** Commits that are made and not yet on the disk. */
interface Built {
  readonly hashes: string[];
  readonly objects: GitObject[];
  readonly logs: string[];
  /** The last version of each file. */
  readonly leaves: Map<string, { oid: string; mode: string } | null>;
}

/**
 * Makes commits without a process of git: objects, folder, index, ref and its log are written here, under git's own locks
 * and in an order that leaves the old or the new state after a crash at any instant. Synchronous inside, so it has a
 * thread of its own; callers ask one after another.
 */
export class PlumbingWriter implements GitWriter {
  private readonly git_dir: string;
  private readonly refs: RefStore;
  private readonly objects: ObjectStore;
  private readonly files: FolderFiles;
  private readonly known = new Map<string, KnownRef>();
  /** What is done after a commit was answered: old versions are removed. */
  private tidied: Promise<void> = Promise.resolve();
  private index: { readonly stat: FileStat; readonly entries: Map<string, IndexEntry> } | undefined;

  constructor(
    private readonly root: string,
    private readonly disk = new Disk(),
  ) {
    this.git_dir = join(root, '.git');
    this.refs = new RefStore(this.git_dir, disk);
    this.objects = new ObjectStore(this.git_dir, disk);
    this.files = new FolderFiles(root, disk);
  }

  async commit(request: CommitRequest): Promise<CommitReply> {
    await this.tidied;
    try {
      return await this.locked(request);
    } catch (error) {
      this.known.delete(request.ref);
      this.index = undefined;
      if (error instanceof WriterError) throw error;
      throw new WriterError('failed', error instanceof Error ? error.message : String(error), errnoOf(error));
    }
  }

  async forget(): Promise<void> {
    await this.idle();
    this.known.clear();
    this.index = undefined;
    this.objects.seal();
  }

  async idle(): Promise<void> {
    await this.tidied;
    this.objects.removeOutdated();
  }

  close(): Promise<void> {
    return this.idle();
  }

  private async locked(request: CommitRequest): Promise<CommitReply> {
    const checked_out = this.refs.head() === `ref: ${request.ref}`;
    if (request.head === true && !checked_out) throw new WriterError('branch', this.refs.head());
    const index_lock = checked_out ? await FileLock.take(this.disk, join(this.git_dir, 'index')) : undefined;
    try {
      const ref_lock = await this.refs.lock(request.ref);
      try {
        const { reply, tidy } = await this.write(request, ref_lock, index_lock);
        this.tidied = afterAnswer(tidy);
        return reply;
      } finally {
        ref_lock.release();
      }
    } finally {
      index_lock?.release();
    }
  }

  private async write(request: CommitRequest, ref_lock: FileLock, index_lock?: FileLock): Promise<Written> {
    const { ref } = request;
    const tip = this.refs.read(ref);
    if (request.parent !== undefined && request.parent !== tip) throw new WriterError('moved', `${ref} is at ${tip}`);
    const start = tip ?? request.start ?? null;
    const tree = this.treeOf(ref, start);
    const built = this.build(request, tree, start);
    const head = built.hashes.at(-1);
    if (head === undefined) return { reply: { hashes: [] }, tidy: () => undefined };

    const wanted = this.files.wanted(request);
    const stage = new Stage(this.disk);
    const replaced: Replaced[] = [];
    let entries: Map<string, IndexEntry> | undefined;
    try {
      await failpoint('commit.staging');
      const pack = this.objects.stage(built.objects, stage);
      for (const file of wanted) stage.add(file.tmp, file.body);
      stage.fill(ref_lock.path, Buffer.from(`${head}\n`));
      if (wanted.length > 0) this.promise(request, wanted, tip, head);
      await failpoint('commit.staged');
      stage.sync();
      await failpoint('commit.flushed');
      await this.objects.place(pack);
      await failpoint('commit.objects.placed');
      for (const file of wanted) {
        replaced.push(this.files.replace(file));
        if (blobOid(replaced.at(-1)?.old ?? Buffer.alloc(0)) !== file.old_oid) {
          throw new WriterError('edited', file.path);
        }
        await failpoint('commit.file.replaced');
      }
      if (index_lock !== undefined) {
        entries = this.indexAfter(tree, built.leaves);
        stage.fill(index_lock.path, formatIndex([...entries.values()]));
      }
      this.objects.syncNames();
      if (wanted.length > 0) this.disk.syncDirectory(this.root);
      await failpoint('commit.ref.before');
      this.log(ref, built.logs, index_lock !== undefined);
      await this.refs.move(ref, ref_lock, tip);
    } catch (error) {
      for (const old of replaced.toReversed()) this.files.putBack(old);
      throw error;
    } finally {
      stage.discard();
    }
    this.known.set(ref, { tip: head, tree });
    await failpoint('commit.index.before');
    if (index_lock !== undefined && entries !== undefined) this.putIndex(index_lock, entries);
    await failpoint('commit.index.after');
    const tidy = (): void => {
      for (const { backup } of replaced) if (backup !== undefined) this.disk.removeQuietly(backup);
      if (this.objects.crowded) this.objects.removeOutdated();
    };
    return { reply: { hashes: built.hashes }, tidy };
  }

  private build(request: CommitRequest, tree: Tree, start: string | null): Built {
    const built: Built = { hashes: [], objects: [], logs: [], leaves: new Map() };
    const none = gitObject('tree', Buffer.alloc(0)).oid;
    let parent = start;
    let before = parent === null ? none : tree.write(() => undefined);
    for (const commit of request.commits) {
      for (const file of commit.files) this.addFile(file, tree, built);
      const root = tree.write((object) => built.objects.push(object));
      if (root === before && request.allow_empty === false) continue;
      const parents = [...(parent === null ? [] : [parent]), ...(commit.more_parents ?? [])];
      const made = commitObject({ ...commit, tree: root, parents });
      built.objects.push(made);
      built.logs.push(logLine(commit, parent, made.oid));
      built.hashes.push(made.oid);
      [parent, before] = [made.oid, root];
    }
    return built;
  }

  private addFile({ path, content }: FileChange, tree: Tree, built: Built): void {
    const found = content === undefined ? this.fileOf(path) : content === null ? null : { body: Buffer.from(content) };
    if (found === null) {
      tree.set(path, null);
      built.leaves.set(path, null);
      return;
    }
    const blob = gitObject('blob', found.body, path);
    const known = tree.get(path);
    const mode = 'mode' in found ? found.mode : (known?.mode ?? '100644');
    if (known?.oid !== blob.oid) built.objects.push(blob);
    tree.set(path, { mode, oid: blob.oid });
    built.leaves.set(path, { mode, oid: blob.oid });
  }

  private fileOf(path: string): { body: Buffer; mode: string } | null {
    const full = join(this.root, path);
    const stat = this.disk.stat(full);
    const body = stat === undefined || (stat.mode & 0o170000n) !== 0o100000n ? undefined : this.disk.read(full);
    if (stat === undefined || body === undefined) return null;
    return { body, mode: (stat.mode & 0o100n) === 0n ? '100644' : '100755' };
  }

  private promise(request: CommitRequest, wanted: readonly Wanted[], tip: string | null, head: string): void {
    const blobs = Object.fromEntries(wanted.map(({ path, body }) => [path, blobOid(body)]));
    const apart = wanted.filter((file) => file.apart).map(({ path }) => path);
    const promised = { head: tip ?? '', tip: head, object_ref: request.object_ref ?? '', blobs, apart };
    writePromise(this.disk, this.git_dir, promised, wanted.length > 1);
  }

  private log(ref: string, logs: readonly string[], is_head: boolean): void {
    this.refs.log(ref, logs.join(''));
    if (is_head) this.refs.log('HEAD', logs.join(''));
  }

  /** The index as it was, with the files of these commits as they now stand in the folder. */
  private indexAfter(tree: Tree, leaves: Built['leaves']): Map<string, IndexEntry> {
    const path = join(this.git_dir, 'index');
    const stat = this.disk.stat(path);
    const fresh = stat !== undefined && this.index !== undefined && sameFile(stat, this.index.stat);
    const bytes = fresh || stat === undefined ? undefined : this.disk.read(path);
    const parsed = fresh ? [...(this.index?.entries.values() ?? [])] : bytes && parseIndex(bytes);
    // None, or damaged: all files of the commit, each to be looked at by git.
    const old = parsed ?? [...tree.files()].map(([name, { oid, mode }]) => indexEntry(name, oid, mode, undefined));
    const written_s = Number((stat?.mtimeNs ?? 0n) / 1_000_000_000n);
    const carried = old.map((entry) => carriedOver(entry, written_s));
    const entries = new Map(carried.map((entry) => [`${entry.path}\0${entry.flags & 0x3000}`, entry]));
    for (const [name, leaf] of leaves) {
      for (const stage of [0x1000, 0x2000, 0x3000]) entries.delete(`${name}\0${stage}`);
      const key = name + STAGE_0;
      if (leaf === null) entries.delete(key);
      else entries.set(key, indexEntry(name, leaf.oid, leaf.mode, this.statIfSame(name, leaf.oid)));
    }
    return entries;
  }

  private statIfSame(path: string, oid: string): FileStat | undefined {
    const full = join(this.root, path);
    const before = this.disk.stat(full);
    const body = this.disk.read(full);
    return body !== undefined && before !== undefined && blobOid(body) === oid ? before : undefined;
  }

  /** Behind the moved ref nothing may fail any more: an index that is not in place is made anew by the next commit. */
  private putIndex(lock: FileLock, entries: Map<string, IndexEntry>): void {
    const path = join(this.git_dir, 'index');
    try {
      lock.commit();
      const stat = this.disk.stat(path);
      this.index = stat === undefined ? undefined : { stat, entries };
    } catch {
      this.index = undefined;
      this.disk.removeQuietly(path);
    }
  }

  private treeOf(ref: string, tip: string | null): Tree {
    const known = this.known.get(ref);
    // Whoever fails from here on has changed it.
    this.known.delete(ref);
    if (known !== undefined && known.tip === tip) return known.tree;
    if (tip === null) return new Tree();
    const listing = this.git('ls-tree', '-r', '-t', '-z', '--full-tree', '--end-of-options', tip);
    return Tree.fromListing(listing, this.git('rev-parse', '--verify', '--end-of-options', `${tip}^{tree}`).trim());
  }

  private git(...args: readonly string[]): string {
    return execFileSync('git', [...PIN_ARGUMENTS, ...args], {
      cwd: this.root,
      env: gitEnvironment(this.root),
      encoding: 'utf8',
      maxBuffer: MAX_LISTING_BYTES,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}

/** Resolves when `job`, which begins when the answer is on its way, has been done. */
function afterAnswer(job: () => void): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => {
      job();
      resolve();
    });
  });
}

function logLine({ author, at_ms, message }: NewCommit, from: string | null, to: string): string {
  const subject = message.split('\n', 1)[0] ?? '';
  const what = from === null ? 'commit (initial)' : 'commit';
  return `${from ?? NO_COMMIT} ${to} ${signature(author, at_ms)}\t${what}: ${subject}\n`;
}

const sameFile = (a: FileStat, b: FileStat): boolean =>
  a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
