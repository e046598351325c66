import { access, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryCommit } from '../contracts/registry.js';
import { writeFileAtomic } from '../shared/atomic-file.js';
import { failpoint } from '../shared/failpoint.js';
import { errnoOf, messageOf, NoxError } from '../shared/nox-error.js';
import { resumeRepair } from './care/repair.js';
import { gitError } from './git/git-process.js';
import { removeLeftoverLocks, waitForOrphans } from './git/git-locks.js';
import { removeGitLeftovers } from './git/leftovers.js';
import type { TreeStatus } from './git/main-branch.js';
import { isIndexDamage } from './git/index-damage.js';
import type { Version } from './hand/base.js';
import { type Edit, takeUp } from './hand/take-up.js';
import { WorkingFiles } from './hand/working-files.js';
import { commitFiles, type IntentContext, NOX, readFrom, rethrowAs } from './intent-commit.js';
import { blobOid } from './git/writer/git-object.js';
import { parseIndex } from './git/writer/index-file.js';
import { removeHalfPacks } from './git/writer/object-store.js';
import { type Promised, readPromise } from './git/writer/promise-file.js';
import { RECORD_PATHS } from './intent-folder.js';
import { resumeBranch } from './time/branch-switch.js';
import {
  describeProblem,
  type Document,
  type FileProblem,
  INTENT_FILES,
  type IntentFile,
  isProblem,
  readDocument,
} from './intent.js';

/** So many versions back it is looked for the one that an editor had loaded. */
const OLDER_VERSIONS = 20;

/** What opening found and settled. */
export interface Opened {
  /** Each file's version in force. */
  readonly documents: Map<IntentFile, Document>;
  /** Each file as it stands on the disk, and what of it is not in force. */
  readonly working: WorkingFiles;
  /** Commits that were made. */
  readonly commits: readonly RegistryCommit[];
}

/**
 * Makes the registry if there is none, settles what a crash left, and takes up what a person edited meanwhile. Afterwards
 * index, HEAD and every file that fits say the same, and no lock or half-written file is left.
 */
export async function openIntent(context: IntentContext, after_crash: boolean): Promise<Opened> {
  const { folder, warn } = context;
  // Where one of the killed Nox's still works, the next gc clears up behind it.
  const clear = after_crash && (await waitForOrphans(folder.root));
  const [locks] = await Promise.all([
    removeLeftoverLocks(folder.root),
    folder.removeTemporaryFiles(),
    removeHalfPacks(folder.root),
    clear ? removeGitLeftovers(folder.root) : [],
  ]);
  if (locks.length > 0) warn('removed locks of a git that is gone', { locks });
  const repaired = await resumeRepair(folder.root);
  if (repaired !== undefined) warn('a repair that a crash cut off was brought to its end', { ...repaired });
  await resumeBranch(context);
  const first = await initialise(context);
  const clean = { branch: context.main.branch, head: first?.hash ?? null, dirty: [], staged: false };
  const [read, status] = await Promise.all([folder.read(), first === null ? statusOf(context) : clean]);
  const opened = await settle(context, status, read.texts, read.problems);
  return first === null ? opened : { ...opened, commits: [first, ...opened.commits] };
}

/** First start: repository, files of the template, first commit. Later: only what of the record is missing. */
async function initialise(context: IntentContext): Promise<RegistryCommit | null> {
  const { folder, main, template_path } = context;
  await main.init();
  await failpoint('open.made');
  await folder.fill(template_path, RECORD_PATHS);
  if ((await main.head()) !== null) return null;
  if (await exists(join(folder.root, '.git', 'refs', 'heads', 'main'))) {
    const message = `Branch main of ${folder.root} is damaged; "git reflog" shows where it was.`;
    throw new NoxError('GIT_OPERATION_FAILED', message);
  }
  const files = ['.gitignore', ...INTENT_FILES];
  await folder.fill(template_path, files);
  await failpoint('open.filled');
  const note = {
    area: 'registry',
    action: 'init',
    object: 'from template',
    object_ref: 'registry',
    actor: NOX,
  } as const;
  return commitFiles(context, note, files);
}

async function statusOf({ main, folder, warn }: IntentContext): Promise<TreeStatus> {
  const index = join(folder.root, '.git', 'index');
  const anew = async (reason: string): Promise<TreeStatus> => {
    warn('the index of the registry was damaged and is made anew', { reason });
    await unlink(index);
    await main.resetIndex();
    return main.status();
  };
  // A loss of power may have torn it; git itself would look at its checksum in a check only.
  const bytes = await readFile(index).catch(noFile);
  if (bytes !== undefined && parseIndex(bytes) === undefined) return anew('its checksum is wrong');
  try {
    return await main.status();
  } catch (error) {
    if (!isIndexDamage(error)) throw gitError(error);
    return anew(messageOf(error));
  }
}

function noFile(error: unknown): undefined {
  if (errnoOf(error) === 'ENOENT') return undefined;
  throw error;
}

async function settle(
  context: IntentContext,
  status: TreeStatus,
  texts: Map<IntentFile, string>,
  problems: readonly FileProblem[],
): Promise<Opened> {
  const { main, folder } = context;
  const head = status.head ?? '';
  const dirty = INTENT_FILES.some((file) => status.dirty.includes(file));
  let at_head = dirty ? await main.filesAt(head, INTENT_FILES) : texts;
  const differs = (file: IntentFile): boolean => texts.get(file) !== at_head.get(file);
  const promised = dirty ? await readPromise(join(folder.root, '.git')) : undefined;
  const commits: RegistryCommit[] = [];

  if (promised !== undefined && promised.head === head) {
    const fits = (file: IntentFile): boolean => blobOid(Buffer.from(texts.get(file) ?? '')) === promised.blobs[file];
    const written = INTENT_FILES.filter((file) => differs(file) && fits(file));
    if (INTENT_FILES.every((file) => promised.blobs[file] === undefined || fits(file))) {
      // Nox's own change, whole, and not committed: it was not answered, but it is what somebody asked for.
      commits.push(...(await recovered(context, promised, written)));
      at_head = await main.filesAt((await main.head()) ?? '', INTENT_FILES);
    } else {
      // In part: nothing of it was answered, and half of it is not what anybody asked for.
      for (const file of written) {
        const text = at_head.get(file) ?? '';
        await writeFileAtomic(join(folder.root, file), text);
        texts.set(file, text);
      }
    }
  }

  const trusted = await trustedFiles(context, (await main.head()) ?? '', at_head);
  const documents = new Map<IntentFile, Document>();
  const edits: Edit[] = [];
  for (const file of INTENT_FILES) {
    const text = texts.get(file);
    const known = trusted.get(file);
    const good = known === undefined ? undefined : readDocument(file, known);
    const in_force = good === undefined || isProblem(good) ? await lastGood(context, file) : good;
    documents.set(file, in_force);
    if (text === in_force.text) continue;
    const versions = [in_force, ...(await olderVersions(context, file, in_force))] as const;
    edits.push({ file, text, read: readFrom(file, texts, problems), standing: { in_force, versions } });
  }
  const working = new WorkingFiles(documents);
  const { taken, commits: taken_up } = await takeUp(context, edits);
  const now = { ms: context.clock.now(), iso: context.clock.iso() };
  for (const { file, text, kept, saved, result } of taken) {
    if (isProblem(result)) {
      working.fails(file, text, result, now.iso, kept);
      continue;
    }
    documents.set(file, result.live);
    working.stands(file, result.on_disk, result.held, now, { kept, saved });
  }
  commits.push(...taken_up);
  if (status.staged) await main.resetIndex();
  return { documents, working, commits };
}

/**
 * The files as Nox itself committed them last. What a person committed since, past Nox, is an edit like any other: what of
 * it needs a confirmation is not in force by being in git.
 */
async function trustedFiles(
  { main, warn }: IntentContext,
  head: string,
  at_head: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const own = await main.newestOwn(head).catch(rethrowAs(gitError));
  if (own === head || own === null) return at_head;
  warn('the registry holds commits that are not of Nox; they are taken for edits by hand', { head, newest_own: own });
  return main.filesAt(own, INTENT_FILES);
}

/** For an editor that was left open while Nox ended and began anew. */
async function olderVersions({ main }: IntentContext, file: IntentFile, than: Document): Promise<Version[]> {
  const versions: Version[] = [];
  for (const hash of await main.commitsOf(file, OLDER_VERSIONS)) {
    const text = (await main.filesAt(hash, [file])).get(file);
    const read = text === undefined || text === than.text ? undefined : readDocument(file, text);
    if (read !== undefined && !isProblem(read)) versions.push({ text: read.text, table: read.table });
  }
  return versions;
}

/** The commits that were about to be made, if they are all there; else one that says what it is. */
async function recovered(context: IntentContext, promised: Promised, written: IntentFile[]): Promise<RegistryCommit[]> {
  const { head, tip, object_ref } = promised;
  const commits = tip === '' ? null : await context.main.recover(head, tip);
  if (commits !== null) {
    await context.main.resetIndex();
    return commits;
  }
  // Its objects are gone, and what the folder holds was not all in force.
  if (promised.apart !== undefined && promised.apart.length > 0) return [];
  const note = { area: 'registry', action: 'recover', object: written.join(', '), object_ref, actor: NOX } as const;
  return [await commitFiles(context, note, written)];
}

/** The newest version of a file that fits; the template's when none of the last fifty does. */
async function lastGood({ main, template_path }: IntentContext, file: IntentFile): Promise<Document> {
  for (const hash of await main.commitsOf(file, 50)) {
    const text = (await main.filesAt(hash, [file])).get(file);
    const read = text === undefined ? undefined : readDocument(file, text);
    if (read !== undefined && !isProblem(read)) return read;
  }
  const read = readDocument(file, await readFile(join(template_path, file), 'utf8'));
  if (!isProblem(read)) return read;
  throw new NoxError('REGISTRY_INVALID', `The template does not fit: ${describeProblem(read)}`, read);
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
