import { access, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryCommit } from '../contracts/registry.js';
import { writeFileAtomic } from '../shared/atomic-file.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { gitError } from './git/git-process.js';
import { removeLeftoverLocks, waitForOrphans } from './git/git-locks.js';
import type { TreeStatus } from './git/main-branch.js';
import { isIndexDamage } from './git/record-branch.js';
import { commitEdits, commitFiles, type IntentContext, NOX, readFrom } from './intent-commit.js';
import { blobOid } from './git/writer/git-object.js';
import { removeHalfPacks } from './git/writer/object-store.js';
import { type Promised, readPromise } from './git/writer/promise-file.js';
import { RECORD_PATHS } from './intent-folder.js';
import { secretProblem } from './secrets.js';
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

/** What opening found and settled. */
export interface Opened {
  /** Each file's version in force. */
  readonly documents: Map<IntentFile, Document>;
  /** Each file's text on the disk, if it can be read. */
  readonly texts: Map<IntentFile, string>;
  readonly invalid: readonly FileProblem[];
  /** Commits that were made. */
  readonly commits: readonly RegistryCommit[];
}

/**
 * Makes the registry if there is none, settles what a crash left, and takes up what a person edited meanwhile. Afterwards
 * index, HEAD and every file that fits say the same, and no lock or half-written file is left.
 */
export async function openIntent(context: IntentContext, after_crash: boolean): Promise<Opened> {
  const { folder, warn } = context;
  if (after_crash) await waitForOrphans(folder.root);
  const [locks] = await Promise.all([
    removeLeftoverLocks(folder.root),
    folder.removeTemporaryFiles(),
    removeHalfPacks(folder.root),
  ]);
  if (locks.length > 0) warn('removed locks of a git that is gone', { locks });
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
  if (!(await exists(join(folder.root, '.git', 'HEAD')))) await main.init();
  await folder.fill(template_path, RECORD_PATHS);
  if ((await main.head()) !== null) return null;
  if (await exists(join(folder.root, '.git', 'refs', 'heads', 'main'))) {
    const message = `Branch main of ${folder.root} is damaged; "git reflog" shows where it was.`;
    throw new NoxError('GIT_OPERATION_FAILED', message);
  }
  const files = ['.gitignore', ...INTENT_FILES];
  await folder.fill(template_path, files);
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
  try {
    return await main.status();
  } catch (error) {
    if (!isIndexDamage(error)) throw gitError(error);
    warn('the index of the registry was damaged and is made anew', { reason: messageOf(error) });
    await unlink(join(folder.root, '.git', 'index'));
    await main.resetIndex();
    return main.status();
  }
}

async function settle(
  context: IntentContext,
  status: TreeStatus,
  texts: Map<IntentFile, string>,
  problems: readonly FileProblem[],
): Promise<Opened> {
  const { main, folder } = context;
  const dirty = INTENT_FILES.some((file) => status.dirty.includes(file));
  const at_head = dirty ? await main.filesAt(status.head ?? '', INTENT_FILES) : texts;
  const differs = (file: IntentFile): boolean => texts.get(file) !== at_head.get(file);
  const promised = dirty ? await readPromise(join(folder.root, '.git')) : undefined;
  const commits: RegistryCommit[] = [];

  if (promised !== undefined && promised.head === (status.head ?? '')) {
    const fits = (file: IntentFile): boolean => blobOid(Buffer.from(texts.get(file) ?? '')) === promised.blobs[file];
    const written = INTENT_FILES.filter((file) => differs(file) && fits(file));
    if (INTENT_FILES.every((file) => promised.blobs[file] === undefined || fits(file))) {
      // Nox's own change, whole, and not committed: it was not answered, but it is what somebody asked for.
      commits.push(...(await recovered(context, promised, written)));
      for (const file of written) at_head.set(file, texts.get(file) ?? '');
    } else {
      // In part: nothing of it was answered, and half of it is not what anybody asked for.
      for (const file of written) {
        const text = at_head.get(file) ?? '';
        await writeFileAtomic(join(folder.root, file), text);
        texts.set(file, text);
      }
    }
  }

  const documents = new Map<IntentFile, Document>();
  const invalid: FileProblem[] = [];
  for (const file of INTENT_FILES) {
    const read = readFrom(file, texts, problems);
    const problem = isProblem(read) ? read : differs(file) ? secretProblem(file, read, at_head.get(file)) : undefined;
    if (problem !== undefined) invalid.push(problem);
    documents.set(file, isProblem(read) || problem !== undefined ? await lastGood(context, file) : read);
  }
  const edited = INTENT_FILES.filter((file) => differs(file) && !invalid.some((problem) => problem.file === file));
  if (edited.length > 0) commits.push(await commitEdits(context, edited, documents));
  for (const file of edited) texts.set(file, documents.get(file)?.text ?? '');
  if (status.staged) await main.resetIndex();
  return { documents, texts, invalid, commits };
}

/** The commits that were about to be made, if they are all there; else one that says what it is. */
async function recovered(context: IntentContext, promised: Promised, written: IntentFile[]): Promise<RegistryCommit[]> {
  const { head, tip, object_ref } = promised;
  const commits = tip === '' ? null : await context.main.recover(head, tip);
  if (commits !== null) {
    await context.main.resetIndex();
    return commits;
  }
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
