import type { Actor } from '../../contracts/auth.js';
import type { RegistryCommit } from '../../contracts/registry.js';
import { failpoint } from '../../shared/failpoint.js';
import { gitError } from '../git/git-process.js';
import { blobOid } from '../git/writer/git-object.js';
import { WriterError } from '../git/writer/writer-error.js';
import { commitDrafts, type Draft, EXTERNAL, type IntentContext, NOX, rethrowAs } from '../intent-commit.js';
import { storageError } from '../intent-folder.js';
import { type Document, type FileProblem, INTENT_FILES, type IntentFile, isProblem } from '../intent.js';
import { type Adoption, adoptionOf, type Standing } from './adoption.js';
import { keepEdit } from './keep.js';

/** A file that somebody saved. */
export interface Edit {
  readonly file: IntentFile;
  /** What it holds now; undefined: it cannot be read. */
  readonly text: string | undefined;
  readonly read: Document | FileProblem;
  readonly standing: Standing;
}

/** What became of it. */
export interface TakenUp {
  readonly file: IntentFile;
  /** What stands on the disk now. */
  readonly text: string | undefined;
  /** What somebody saved, where something else stands on the disk now. */
  readonly saved: Document | undefined;
  /** Commit of the side ref that has the text as it was saved, where no other has it. */
  readonly kept: string | null;
  readonly result: Adoption | FileProblem;
}

export interface TakingUp {
  readonly taken: readonly TakenUp[];
  /**
   * One for all that was edited, after one for files that were only brought up to today's version; none when nothing that
   * is in force has changed, or when the person committed it.
   */
  readonly commits: readonly RegistryCommit[];
}

/**
 * Takes up what was edited by hand. In this order: what would be found nowhere else is kept, then what is live at once is
 * committed as `external`, together with the version on the disk where the two differ. Rejects with WriterError `edited`
 * when a file was saved once more meanwhile; then nothing is in force.
 */
export async function takeUp(context: IntentContext, edits: readonly Edit[]): Promise<TakingUp> {
  const now = { ms: context.clock.now(), iso: context.clock.iso() };
  const keep = (edit: Edit) =>
    keepEdit(context, edit.file, edit.text, edit.standing.in_force.text, { action: 'keep', actor: EXTERNAL });
  const taken: TakenUp[] = [];
  for (const edit of edits) {
    const { file, text, read, standing } = edit;
    const result = isProblem(read) ? read : adoptionOf(file, read, standing, now);
    const found = !isProblem(result) && !result.merged && result.held.length === 0;
    const saved = isProblem(read) || isProblem(result) || result.on_disk.text === text ? undefined : read;
    taken.push({
      saved,
      file,
      text: isProblem(result) ? text : result.on_disk.text,
      kept: found ? null : (await keep(edit)).commit,
      result,
    });
  }
  const adopted = taken.flatMap(({ file, result }) => (isProblem(result) ? [] : [{ file, ...result }]));
  if (adopted.length === 0) return { taken, commits: [] };
  await failpoint('hand.kept');
  const head = await context.main.head().catch(rethrowAs(gitError));
  const at_head = await context.main.filesAt(head ?? '', INTENT_FILES).catch(rethrowAs(gitError));
  const texts = new Map(edits.map(({ file, text }) => [file, text]));
  const changed = adopted.filter(({ file, live }) => live.text !== at_head.get(file));
  for (const { file, on_disk } of adopted) {
    const before = texts.get(file) ?? '';
    if (on_disk.text !== before && !changed.some((each) => each.file === file))
      await replaceOnDisk(context, file, before, on_disk.text);
  }
  if (changed.length === 0) return { taken, commits: [] };
  // Its editor may not have flushed it: a loss of power must not bring back, as another edit, what was there before.
  for (const { file, on_disk } of changed) if (on_disk.text === texts.get(file)) await context.folder.flush(file);
  const migrated = new Set(
    edits.flatMap(({ file, read, standing }) => {
      if (isProblem(read) || read.migrated_from === undefined) return [];
      return read.text === standing.in_force.text ? [file] : [];
    }),
  );
  const filesOf = (wanted: typeof changed): Draft['files'] =>
    wanted.map(({ file, live, on_disk }) => {
      const before = texts.get(file) ?? '';
      if (on_disk.text === before) return { path: file, content: live.text };
      return { path: file, content: live.text, folder: on_disk.text, replaces: blobOid(Buffer.from(before)) };
    });
  const draft = (action: 'migrate' | 'edit', actor: Actor, wanted: typeof changed): Draft[] => {
    if (wanted.length === 0) return [];
    const names = wanted.map(({ file }) => file);
    const object_ref = `file:${names.join(',')}`;
    return [
      { note: { area: 'registry', action, object: names.join(', '), object_ref, actor }, files: filesOf(wanted) },
    ];
  };
  const commits = await commitDrafts(context, [
    ...draft(
      'migrate',
      NOX,
      changed.filter(({ file }) => migrated.has(file)),
    ),
    ...draft(
      'edit',
      EXTERNAL,
      changed.filter(({ file }) => !migrated.has(file)),
    ),
  ]);
  return { taken, commits };
}

/** Puts a text in place of the one that stands there; WriterError `edited` when another one does. */
export async function replaceOnDisk(
  context: IntentContext,
  file: IntentFile,
  before: string,
  text: string,
): Promise<void> {
  const old = await context.folder.replace(file, text).catch(rethrowAs(storageError));
  if (old.old_text === before) return old.forget();
  await old.undo();
  throw new WriterError('edited', file);
}
