import type { PruneResult } from '../../contracts/registry.js';
import { failpoint } from '../../shared/failpoint.js';
import { formatMessage, identityOf } from '../commit-message.js';
import type { GitProcess } from '../git/git-process.js';
import { PRUNE_REF } from '../git/leftovers.js';
import { NOX } from '../intent-commit.js';
import { packLoose } from './pack-loose.js';

const TIMEOUT_MS = 10 * 60_000;
const REF = 'refs/heads/record';
/** The trailer by which a base names the newest commit that it stands for: its hash proves all that was before it. */
export const BASE_TRAILER = 'Nox-Record-Base';

/** So many commits are read and written at a time: a record of years is larger than the memory of a server. */
const AT_ONCE = 5000;

/** A commit as a list of them tells it. */
interface Listed {
  readonly hash: string;
  readonly at_ms: number;
}

/** A commit as git keeps it. */
interface RawCommit {
  readonly hash: string;
  readonly tree: string;
  /** Its author and committer lines, as they are. */
  readonly people: readonly string[];
  readonly message: string;
}

/**
 * What is to be done: from which commits on the record stays. Pure; `commits` are those of the record, oldest first, the
 * first one a base if it `has_base`.
 */
export function planPrune(commits: readonly Listed[], before_ms: number, has_base: boolean) {
  // A base is as old as the last prune, and what it stands for is older: its time says nothing. Alone it cannot go.
  const first = has_base ? 1 : 0;
  // The first young one ends it, even where a clock that was set back made older ones behind it.
  const young = commits.findIndex(({ at_ms }, n) => n >= first && at_ms >= before_ms);
  // The newest commit always stays, so that something is left to go on from.
  const pruned = Math.min(young < 0 ? commits.length : young, commits.length - 1);
  const from = commits[pruned - 1];
  return from === undefined || pruned <= first ? { pruned: 0, from: null } : { pruned, from };
}

/** The base's message: what it stands for, and the newest link of the ledger of decisions that went into it. */
function baseMessage(pruned: number, from: string, link: string | undefined, before: string): string {
  const text = formatMessage({
    area: 'record',
    action: 'prune',
    object: `${pruned} commits before ${before.slice(0, 10)}`,
    object_ref: 'record',
    actor: NOX,
  });
  const trailers = [`${BASE_TRAILER}: ${from}`, ...(link === undefined ? [] : [link])];
  return `${text.trimEnd()}\n${trailers.join('\n')}\n`;
}

export interface PruneOptions {
  readonly before_ms: number;
  readonly now_ms: number;
  readonly dry_run: boolean;
  /** For specs: how many commits are held at a time. */
  readonly at_once?: number;
  /** While the job runs, nothing is committed to the record. */
  alone<T>(job: () => Promise<T>): Promise<T>;
}

/**
 * Puts the record's commits that are older than a time into one base commit with the newest one's files, and the younger
 * ones on top of it as they were. The ref moves once: a crash leaves the old history or the new one, each whole.
 */
export async function pruneRecord(git: GitProcess, options: PruneOptions): Promise<PruneResult> {
  const { before_ms, dry_run, at_once = AT_ONCE } = options;
  const before = new Date(before_ms).toISOString();
  const old_head = await headOf(git);
  const commits = old_head === null ? [] : await listCommits(git, old_head);
  const { pruned, from } = planPrune(commits, before_ms, await isBase(git, commits[0]));
  const kept = commits.length - pruned;
  const result = { dry_run, before, pruned, kept, from: from?.hash ?? null, old_head, new_head: old_head };
  if (dry_run || from === null || old_head === null) return result;
  const [newest] = await readCommits(git, [from]);
  const message = baseMessage(pruned, from.hash, await newestLink(git, commits.slice(0, pruned), at_once), before);
  const base = { message, tree: newest?.tree ?? '', people: peopleAt(options.now_ms) };
  const made = await copyOnto(git, commits.slice(pruned), await writeChain(git, [base], null), at_once);
  await failpoint('prune.copied');
  return options.alone(async () => {
    // What was committed meanwhile; it is little, since the rest is done.
    const now = (await headOf(git)) ?? old_head;
    const late = now === old_head ? [] : await listCommits(git, now, old_head);
    const new_head = await copyOnto(git, late, made, at_once);
    await failpoint('prune.ref.before');
    await git.change(['update-ref', '-m', 'prune', '--no-deref', REF, new_head, now]);
    await failpoint('prune.ref.moved');
    return { ...result, kept: kept + late.length, old_head: now, new_head };
  });
}

/** Lets go what no ref has any more. What was written within the hour stays until the next time: it may be in the making. */
export async function forgetPruned(git: GitProcess): Promise<void> {
  await git.run(['reflog', 'expire', '--expire=all', REF]);
  await failpoint('prune.forgotten');
  await packLoose(git);
  const pack = ['repack', '-d', '-l', '-q', '--cruft', '--cruft-expiration=1.hour.ago'] as const;
  await git.change(pack, { timeout_ms: TIMEOUT_MS });
  await git.run(['commit-graph', 'write', '--reachable', '--changed-paths', '--no-progress'], {
    timeout_ms: TIMEOUT_MS,
  });
}

async function headOf(git: GitProcess): Promise<string | null> {
  return (await git.run(['for-each-ref', '--format=%(objectname)', REF])).trim() || null;
}

/** A commit and those before it (after `than`), oldest first. The record has no merges. */
async function listCommits(git: GitProcess, tip: string, than?: string): Promise<Listed[]> {
  const not = than === undefined ? [] : [`^${than}`];
  const range = ['--timestamp', '--reverse', '--first-parent', '--end-of-options', tip, ...not, '--'] as const;
  const listed = await git.run(['rev-list', ...range], { timeout_ms: TIMEOUT_MS });
  const rows = listed.matchAll(/^(\d+) ([0-9a-f]{40})$/gm);
  return Array.from(rows, ([, seconds, hash = '']) => ({ hash, at_ms: Number(seconds) * 1000 }));
}

async function isBase(git: GitProcess, first: Listed | undefined): Promise<boolean> {
  if (first === undefined) return false;
  const [commit] = await readCommits(git, [first]);
  return commit?.message.includes(`\n${BASE_TRAILER}: `) === true;
}

/** The newest link of the ledger of decisions that these commits name. */
async function newestLink(git: GitProcess, commits: readonly Listed[], at_once: number): Promise<string | undefined> {
  for (let end = commits.length; end > 0; end -= at_once) {
    const read = await readCommits(git, commits.slice(Math.max(0, end - at_once), end));
    const links = read.flatMap(({ message }) => [...message.matchAll(/^Nox-Ledger: \d{1,15}:[0-9a-f]{64}$/gm)]);
    const newest = links.at(-1)?.[0];
    if (newest !== undefined) return newest;
  }
  return undefined;
}

/** Writes the same commits, but for their parents, on top of another one; answers the last one's hash. */
async function copyOnto(git: GitProcess, commits: readonly Listed[], onto: string, at_once: number): Promise<string> {
  let tip = onto;
  for (let n = 0; n < commits.length; n += at_once)
    tip = await writeChain(git, await readCommits(git, commits.slice(n, n + at_once)), tip);
  return tip;
}

async function readCommits(git: GitProcess, listed: readonly Listed[]): Promise<RawCommit[]> {
  const hashes = listed.map(({ hash }) => `${hash}\n`).join('');
  const raw = Buffer.from(await git.run(['cat-file', '--batch'], { input: hashes, timeout_ms: TIMEOUT_MS }));
  const commits: RawCommit[] = [];
  for (let at = 0; at < raw.length;) {
    const line_end = raw.indexOf('\n', at);
    const [hash = '', , size = '0'] = raw.toString('utf8', at, line_end).split(' ');
    const text = raw.toString('utf8', line_end + 1, line_end + 1 + Number(size));
    at = line_end + 1 + Number(size) + 1;
    const head_end = text.indexOf('\n\n');
    const head = text.slice(0, head_end).split('\n');
    const people = head.filter((line) => /^(author|committer) /.test(line));
    const tree = (head[0] ?? '').slice('tree '.length);
    commits.push({ hash, tree, people, message: text.slice(head_end + 2) });
  }
  return commits;
}

/** Writes commits one on top of the other, each with the tree that it had; answers the last one's hash. */
async function writeChain(
  git: GitProcess,
  commits: readonly Pick<RawCommit, 'tree' | 'people' | 'message'>[],
  onto: string | null,
): Promise<string> {
  // A ref of its own for the import, since it moves one; the record's is moved when all is there.
  const texts = commits.map(({ tree, people, message }, n) => {
    const parent = n > 0 ? `from :${n}\n` : onto === null ? '' : `from ${onto}\n`;
    const data = `data ${Buffer.byteLength(message)}\n${message}\n`;
    return `commit ${PRUNE_REF}\nmark :${n + 1}\n${people.join('\n')}\n${data}${parent}M 040000 ${tree} \n`;
  });
  const input = `reset ${PRUNE_REF}\n${texts.join('')}get-mark :${commits.length}\ndone\n`;
  const out = await git.change(['fast-import', '--quiet', '--done', '--force'], { input, timeout_ms: TIMEOUT_MS });
  await failpoint('prune.imported');
  await git.run(['update-ref', '-d', PRUNE_REF]);
  const [hash] = /^[0-9a-f]{40}$/m.exec(out) ?? [];
  if (hash === undefined) throw new Error('git made no commits');
  return hash;
}

function peopleAt(now_ms: number): string[] {
  const { name, email } = identityOf(NOX.name);
  const who = `${name} <${email}> ${Math.floor(now_ms / 1000)} +0000`;
  return [`author ${who}`, `committer ${who}`];
}
