import { BranchName, type RegistryTag, TagName } from '../../contracts/registry.js';
import { identityOf } from '../commit-message.js';
import { GitFailure, type GitProcess } from './git-process.js';

/** A branch of intent, and its newest commit. */
export interface Branch {
  readonly name: string;
  readonly head: string;
  readonly subject: string;
  readonly timestamp: string;
}

const seconds = (text: string | undefined): string => new Date(Number(text ?? 0) * 1000).toISOString();
const rows = (output: string): string[][] =>
  output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\0'));

/**
 * Branches and tags. Names are checked by the contract's grammar before they come here; to git they go through stdin, or
 * behind `--end-of-options`.
 */
export class Refs {
  constructor(private readonly git: GitProcess) {}

  /** Branches of intent; the record is none. */
  async branches(): Promise<Branch[]> {
    const format = '%(refname:strip=2)%00%(objectname)%00%(committerdate:unix)%00%(contents:subject)';
    const found = rows(await this.git.run(['for-each-ref', `--format=${format}`, 'refs/heads']));
    return found
      .filter(([name]) => BranchName.safeParse(name).success)
      .map(([name = '', head = '', at, subject = '']) => ({ name, head, subject, timestamp: seconds(at) }));
  }

  /** All refs and where they point, as one text. */
  async digest(): Promise<string> {
    return this.git.run(['for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads', 'refs/tags']);
  }

  /** Newest first. */
  async tags(): Promise<RegistryTag[]> {
    const fields = [
      'refname:strip=2',
      '*objectname',
      'objectname',
      'creatordate:unix',
      'taggername',
      'contents:subject',
    ];
    const format = fields.map((field) => `%(${field})`).join('%00');
    const output = await this.git.run(['for-each-ref', '--sort=-creatordate', `--format=${format}`, 'refs/tags']);
    return rows(output)
      .filter(([name]) => TagName.safeParse(name).success)
      .map(([name = '', peeled, direct = '', at, actor = '', subject = '']) => ({
        name,
        commit_hash: peeled === undefined || peeled === '' ? direct : peeled,
        // A person's light tag has no words of its own; the subject is then its commit's.
        message: peeled === undefined || peeled === '' || subject === name ? '' : subject,
        actor,
        timestamp: seconds(at),
      }));
  }

  /** Fails when the ref exists. */
  create(kind: 'heads' | 'tags', name: string, hash: string): Promise<void> {
    return this.update(`create refs/${kind}/${name} ${hash}\n`);
  }

  /** Deletes the ref, wherever it points. */
  delete(kind: 'heads' | 'tags', name: string): Promise<void> {
    return this.update(`delete refs/${kind}/${name}\n`);
  }

  /** Holds on to a commit that a merge names and no branch has any more. */
  keepMerged(hash: string): Promise<void> {
    return this.update(`update refs/nox/merged/${hash} ${hash}\n`);
  }

  /** An annotated tag. */
  async tag({ name, commit_hash, message, actor, timestamp }: RegistryTag): Promise<void> {
    const who = identityOf(actor);
    const tagger = `${who.name} <${who.email}> ${Math.floor(Date.parse(timestamp) / 1000)} +0000`;
    const input = `object ${commit_hash}\ntype commit\ntag ${name}\ntagger ${tagger}\n\n${message === '' ? name : message}\n`;
    const made = (await this.git.run(['mktag'], { input })).trim();
    await this.create('tags', name, made);
  }

  /** Whether a commit is another one or comes before it. */
  async isAncestor(hash: string, of: string): Promise<boolean> {
    try {
      await this.git.run(['merge-base', '--is-ancestor', '--end-of-options', hash, of]);
      return true;
    } catch (error) {
      // 1: is not; 128: there is no such commit.
      if (error instanceof GitFailure && (error.exit_code === 1 || error.exit_code === 128)) return false;
      throw error;
    }
  }

  /** The newest commit that both have, null when they have none. */
  async mergeBase(one: string, other: string): Promise<string | null> {
    try {
      return (await this.git.run(['merge-base', '--end-of-options', one, other])).trim() || null;
    } catch (error) {
      if (error instanceof GitFailure && error.exit_code === 1) return null;
      throw error;
    }
  }

  /** How many commits the one has that the other has not, and the other way round. */
  async distance(one: string, other: string): Promise<{ ahead: number; behind: number }> {
    const range = `${one}...${other}`;
    const output = await this.git.run(['rev-list', '--left-right', '--count', '--end-of-options', range, '--']);
    const [ahead = 0, behind = 0] = output.trim().split('\t').map(Number);
    return { ahead, behind };
  }

  /** The unified diff between two versions of files. */
  async patch(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Promise<string> {
    const names = [...new Set([...before.keys(), ...after.keys()])];
    const changed = names.filter((name) => before.get(name) !== after.get(name));
    const patches = await Promise.all(
      changed.map(async (name) => {
        const [old, young] = await Promise.all([before, after].map((texts) => this.blob(texts.get(name) ?? '')));
        const options = ['--no-color', '--no-ext-diff', '--no-textconv'];
        const patch = await this.git.run(['diff', ...options, '--end-of-options', old ?? '', young ?? '', '--']);
        const body = patch.slice(Math.max(0, patch.indexOf('\n@@') + 1));
        return `diff --git a/${name} b/${name}\n--- a/${name}\n+++ b/${name}\n${body}`;
      }),
    );
    return patches.join('');
  }

  private async blob(text: string): Promise<string> {
    return (await this.git.run(['hash-object', '-w', '--stdin'], { input: text })).trim();
  }

  private async update(input: string): Promise<void> {
    await this.git.change(['update-ref', '--stdin'], { input });
  }
}
