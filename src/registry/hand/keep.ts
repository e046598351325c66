import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../../shared/atomic-file.js';
import { type CommitNote, formatMessage, identityOf } from '../commit-message.js';
import { gitError } from '../git/git-process.js';
import type { IntentContext } from '../intent-commit.js';
import type { IntentFile } from '../intent.js';
import { newSecret } from '../secrets.js';
import { versionName } from './adoption.js';

/** Texts that stood on the disk and are not, or not as they stood there, on a branch of intent. */
export const EDITS_REF = 'refs/nox/edits';
/** Texts that git must not have; below `.git`, readable by the owner only. */
const KEPT_FOLDER = 'nox-kept';

/** Where a text can be found again: `git show <commit>:<file>`, or a file. Both null: it is only where it stands. */
export interface Kept {
  readonly commit: string | null;
  readonly path: string | null;
}

/**
 * Keeps the text of an edit on a ref of its own, so that it can be found again whatever becomes of it. One that holds a
 * secret is not given to git: it stays on the disk, and only with `aside` there is a copy of it below `.git`.
 */
export async function keepEdit(
  context: IntentContext,
  file: IntentFile,
  text: string | undefined,
  in_force: string,
  note: Pick<CommitNote, 'action' | 'actor'>,
  aside = false,
): Promise<Kept> {
  if (text === undefined) return { commit: null, path: null };
  const { main, writer, clock, folder } = context;
  if (newSecret(file, { text, table: {}, unknown_keys: [] }, { text: in_force }) !== undefined) {
    if (!aside) return { commit: null, path: null };
    const path = join(folder.root, '.git', KEPT_FOLDER, `${versionName(text)}-${file}`);
    await makeFolder(join(folder.root, '.git', KEPT_FOLDER), 0o700);
    await writeFileAtomic(path, text, 0o600);
    return { commit: null, path };
  }
  try {
    const tip = await main.resolve(EDITS_REF);
    if (tip !== null && note.action === 'keep' && (await main.filesAt(tip, [file])).get(file) === text)
      return { commit: tip, path: null };
    const message = formatMessage({ area: 'registry', object: file, object_ref: `file:${file}`, ...note });
    const commit = { files: [{ path: file, content: text }], message, author: identityOf(note.actor.name) };
    const { hashes } = await writer.commit({ ref: EDITS_REF, commits: [{ ...commit, at_ms: clock.now() }] });
    return { commit: hashes[0] ?? null, path: null };
  } catch (error) {
    throw gitError(error);
  }
}
