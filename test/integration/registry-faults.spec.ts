import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Disk, DISK_CALLS, type DiskCalls } from '../../src/registry/git/writer/disk.js';
import { blobOid } from '../../src/registry/git/writer/git-object.js';
import { PlumbingWriter } from '../../src/registry/git/writer/plumbing-writer.js';
import { WriterError } from '../../src/registry/git/writer/writer-error.js';
import { runGit } from '../support/run-git.js';
import { fsck } from '../support/registry-crash.js';

/** Which calls an error can come from. */
const KINDS: Readonly<Record<string, ReadonlySet<keyof DiskCalls>>> = {
  ENOSPC: new Set(['openSync', 'writeSync', 'fsyncSync', 'renameSync', 'linkSync', 'mkdirSync']),
  EIO: new Set(Object.keys(DISK_CALLS) as (keyof DiskCalls)[]),
  EMFILE: new Set(['openSync']),
};

/** Lets the n-th call from which such an error can come fail; with `for_good` all later ones that need room, too. */
class Faults {
  private error: string | undefined;
  private nth = 0;
  private seen = 0;
  private for_good = false;
  failed = 0;

  arm(error: string, nth: number, for_good: boolean): void {
    [this.error, this.nth, this.for_good, this.seen, this.failed] = [error, nth, for_good, 0, 0];
  }

  disarm(): void {
    this.error = undefined;
  }

  readonly calls = Object.fromEntries(
    Object.entries(DISK_CALLS).map(([name, call]) => [
      name,
      (...args: unknown[]): unknown => {
        this.meet(name as keyof DiskCalls);
        // Nothing here outlives the machine.
        if (name === 'fsyncSync') return undefined;
        return (call as (...all: unknown[]) => unknown)(...args);
      },
    ]),
  ) as unknown as DiskCalls;

  private meet(name: keyof DiskCalls): void {
    const { error } = this;
    if (error === undefined || KINDS[error]?.has(name) !== true) return;
    this.seen += 1;
    const later = this.for_good && this.seen > this.nth && name === 'writeSync';
    if (this.seen !== this.nth && !later) return;
    this.failed += 1;
    throw Object.assign(new Error(`${error}: ${name}`), { code: error });
  }
}

const FILES = ['one.toml', 'two.toml'];
let root: string;
const git = (...args: string[]): Promise<string> => runGit(root, ...args);
const folder = (): Promise<string[]> => Promise.all(FILES.map((name) => readFile(join(root, name), 'utf8')));
const tipOf = async (): Promise<string> => (await readFile(join(root, '.git/refs/heads/main'), 'utf8')).trim();
const commit = (texts: readonly string[], before: readonly string[]) => ({
  ref: 'refs/heads/main',
  head: true,
  commits: [
    {
      files: FILES.map((path, n) => ({
        path,
        content: texts[n] ?? '',
        replaces: blobOid(Buffer.from(before[n] ?? '')),
      })),
      message: 'change\n',
      author: { name: 'nox', email: 'nox@nox.invalid' },
      at_ms: 1_800_000_000_000,
    },
  ],
});

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nox-writer-'));
  await git('init', '-q', '-b', 'main');
  for (const name of FILES) await writeFile(join(root, name), 'version 0\n');
  await git('add', '.');
  await git('commit', '-q', '-m', 'first');
});
afterEach(() => rm(root, { recursive: true, force: true }));

it.each([
  ['ENOSPC', false],
  ['ENOSPC', true],
  ['EIO', false],
  ['EMFILE', false],
])(
  '%s at the n-th call of the writer, each in its turn (for good: %s), leaves old or new',
  async (error, for_good) => {
    const faults = new Faults();
    const writer = new PlumbingWriter(root, new Disk(faults.calls));
    let [texts, head, n] = [await folder(), await tipOf(), 0];
    const refused = new Set<number>();
    do {
      n += 1;
      const young = FILES.map((name) => `version ${n} of ${name}\n`);
      faults.arm(error, n, for_good);
      // oxlint-disable-next-line promise/no-promise-in-callback -- no callback: the function of a test
      const [answer] = await Promise.allSettled([writer.commit(commit(young, texts))]);
      faults.disarm();
      await writer.idle();
      const [now, tip] = [await folder(), await tipOf()];
      if (answer.status === 'rejected') {
        refused.add(n);
        expect(answer.reason).toBeInstanceOf(WriterError);
        expect({ n, now, tip }).toEqual({ n, now: texts, tip: head });
        // Nothing but the fault stood in the way.
        const { hashes } = await writer.commit(commit(young, texts));
        await writer.idle();
        [texts, head] = [young, hashes[0] ?? ''];
      } else {
        [texts, head] = [young, tip];
        expect({ n, now }).toEqual({ n, now: young });
      }
      expect(await folder()).toEqual(texts);
      expect(await tipOf()).toBe(head);
      // An index that could not be put in place is made anew by the next commit.
      if (answer.status === 'rejected') expect(await git('status', '--porcelain')).toBe('');
      expect((await readdir(root)).filter((name) => name.startsWith('.nox-tmp-'))).toEqual([]);
    } while (faults.failed > 0);
    expect(refused.size).toBeGreaterThan(error === 'EMFILE' ? 5 : 15);
    expect(n).toBeGreaterThan(refused.size);
    expect(await fsck(root)).toBe('');
  },
  120_000,
);
