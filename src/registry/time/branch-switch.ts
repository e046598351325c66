import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { BranchName } from '../../contracts/registry.js';
import { writeFileAtomic } from '../../shared/atomic-file.js';
import { failpoint } from '../../shared/failpoint.js';
import { errnoOf, NoxError } from '../../shared/nox-error.js';
import type { IntentContext } from '../intent-commit.js';
import type { Replaced } from '../intent-folder.js';
import { INTENT_FILES, type IntentFile } from '../intent.js';

/** Says which branch Nox has put in force; missing: `main`. */
const BRANCH_FILE = 'nox-branch';
/** Is there while a switch goes on; after a crash the next start ends it. */
const SWITCH_FILE = 'nox-switch.json';

type Texts = ReadonlyMap<IntentFile, string | undefined>;

/**
 * Puts a branch in force: its files into the folder, HEAD and index after them. `seen` is what the folder held. A crash at
 * any point leaves the old branch or a switch that the next start ends; an error leaves the old branch. INVALID_STATE when
 * a file was edited in this moment: that version is kept.
 */
export async function switchBranch(context: IntentContext, to: string, seen: Texts, wanted: Texts): Promise<void> {
  const { folder, main } = context;
  const from = main.branch;
  const marker = join(folder.root, '.git', SWITCH_FILE);
  const replaced: Replaced[] = [];
  await writeFileAtomic(marker, JSON.stringify({ from, to }));
  try {
    await failpoint('switch.marked');
    for (const file of INTENT_FILES) {
      const text = wanted.get(file);
      if (text === undefined || text === seen.get(file)) continue;
      const old = await folder.replace(file, text);
      replaced.push(old);
      await failpoint('switch.file.replaced');
      if (old.old_text !== seen.get(file)) {
        throw new NoxError('INVALID_STATE', `${file} was edited in this moment; nothing was changed. Try again.`);
      }
    }
    await checkOut(context, to);
  } catch (error) {
    // Should this fail too, the marker stays, and the next start ends the switch.
    for (const old of replaced.toReversed()) await old.undo();
    await point(context, from);
    await unlink(marker);
    await failpoint('switch.undone');
    await main.resetIndex();
    throw error;
  }
  await Promise.all(replaced.map((old) => old.forget()));
  await failpoint('switch.done');
  await unlink(marker);
}

/** Before anything else at a start: which branch is in force, and the end of a switch that a crash cut off. */
export async function resumeBranch(context: IntentContext): Promise<void> {
  const { folder, main, warn } = context;
  const git = join(folder.root, '.git');
  const branch = BranchName.safeParse((await readIf(join(git, BRANCH_FILE))).trim());
  main.branch = branch.success ? branch.data : 'main';
  const { from, to } = readMarker(await readIf(join(git, SWITCH_FILE)));
  if (from === undefined || to === undefined) return;
  const [old_head, new_head] = await Promise.all([main.readRef(from), main.readRef(to)]);
  if (old_head !== null && new_head !== null) {
    warn('a switch of branches that a crash cut off is brought to its end', { from, to });
    const [old, young] = await Promise.all([old_head, new_head].map((hash) => main.filesAt(hash, INTENT_FILES)));
    const { texts } = await folder.read();
    for (const file of INTENT_FILES) {
      const text = young?.get(file);
      // What is neither the one nor the other a person wrote: it stays, and is then adopted or refused.
      if (text !== undefined && texts.get(file) === old?.get(file))
        await writeFileAtomic(join(folder.root, file), text);
    }
    await checkOut(context, to);
  }
  await unlink(join(git, SWITCH_FILE));
}

async function checkOut(context: IntentContext, branch: string): Promise<void> {
  await point(context, branch);
  await failpoint('switch.index');
  await context.main.resetIndex();
}

/** All that says which branch is in force. */
async function point({ folder, main }: IntentContext, branch: string): Promise<void> {
  const git = join(folder.root, '.git');
  await writeFileAtomic(join(git, 'HEAD'), `ref: refs/heads/${branch}\n`);
  await failpoint('switch.head');
  await writeFileAtomic(join(git, BRANCH_FILE), `${branch}\n`);
  main.branch = branch;
}

function readMarker(text: string): { from?: string; to?: string } {
  if (text === '') return {};
  const { from, to } = JSON.parse(text) as Record<string, unknown>;
  return { from: BranchName.parse(from), to: BranchName.parse(to) };
}

async function readIf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
