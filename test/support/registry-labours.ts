import { appendFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GitFailure } from '../../src/registry/git/git-process.js';
import type { RegistryOptions, RegistryService } from '../../src/registry/registry.service.js';
import type { ManualClock } from '../../src/shared/clock.js';
import { NoxError } from '../../src/shared/nox-error.js';
import { restoreBackup } from '../../src/system/backup/restore.js';

const ACTOR = { name: 'admin', role: 'admin' } as const;
const DAY_MS = 86_400_000;
/** How much of the record is kept; its commits are a day apart. */
export const KEPT_DAYS = 4;

/** Where a process that will be killed works: all lies beside the registry. */
export interface Place {
  readonly root: string;
  readonly clock: ManualClock;
  readonly round: number;
  readonly open: (over?: Partial<RegistryOptions>) => Promise<RegistryService>;
}

/** What a process does until it is killed; what it says is believed. */
type Labour = (place: Place) => Promise<void>;

export const bundleOf = (root: string): string => join(dirname(root), 'registry.bundle');
export const remoteOf = (root: string): string => join(dirname(root), 'remote.git');
export const restoreFolders = (root: string) => ({
  file: join(dirname(root), 'backup.tar.gz'),
  home: join(dirname(root), 'home'),
  registry: root,
});

const say = (line: string): unknown => process.stdout.write(`${line}\n`);

/** A failure that the test brought about is told and goes no further; all else ends the process. */
async function attempt<T>(job: Promise<T>): Promise<T | undefined> {
  try {
    return await job;
  } catch (error) {
    const of_git = error instanceof GitFailure || (error instanceof NoxError && TOLD.has(error.code));
    if (!of_git && !String(error).includes('failpoint')) throw error;
    say(`failed ${String(error).replaceAll('\n', ' ').slice(0, 200)}`);
    return undefined;
  }
}
/** A step may be refused because an earlier one has failed: there is no such branch, or it is the one in force. */
const TOLD: ReadonlySet<string> = new Set([
  'GIT_OPERATION_FAILED',
  'STORAGE_FAILED',
  'MERGE_CONFLICT',
  'NAME_TAKEN',
  'BRANCH_NOT_FOUND',
  'INVALID_STATE',
]);

async function acknowledged(job: Promise<{ readonly hash: string } | null>): Promise<void> {
  const commit = await attempt(job);
  if (commit !== undefined && commit !== null) say(`ack ${commit.hash}`);
}

/** Writes to intent and record without a pause, while gc, prune and the bundle follow one another. */
const care: Labour = async ({ root, clock, round, open }) => {
  const warn = (message: string, fields: object): void => {
    if (JSON.stringify(fields).includes('failpoint')) say(`failed ${message}`);
  };
  const registry = await open({ bundle: bundleOf(root), warn });
  const writes = async (): Promise<void> => {
    for (let n = 1; ; n += 1) {
      await acknowledged(registry.updateAgent('lead', { system_prompt: `round ${round}\nwrite ${n}\n` }, ACTOR));
      await registry.record.saveState('lead', { session_id: null, status: `round-${round}`, restart_count: n });
      if ((await attempt(registry.record.flush().then(() => true))) === true) say(`record ${round} ${n}`);
      clock.advance(DAY_MS);
    }
  };
  const cares = async (): Promise<void> => {
    for (;;) {
      await attempt(registry.care.gc({ dry_run: false }));
      await attempt(registry.care.prune({ days: KEPT_DAYS, dry_run: false, confirm: true }));
      await attempt(registry.care.verify());
      say('care');
    }
  };
  await Promise.all([writes(), cares()]);
};

/** Goes through time: rolls back, makes branches, switches to them and back, merges and deletes them. */
const time: Labour = async ({ round, open }) => {
  const registry = await open();
  const { branches } = registry;
  const yes = { confirm: true } as const;
  const go = async (name: string): Promise<void> => {
    say(`to ${name}`);
    const done = await attempt(branches.switch(name, yes, ACTOR));
    if (done !== undefined) say(`at ${name}`);
  };
  await go('main');
  for (let n = 1; ; n += 1) {
    const name = `try-${round}-${n}`;
    await acknowledged(registry.updateAgent('lead', { system_prompt: `round ${round}\nwrite ${n}\n` }, ACTOR));
    const { commits } = await registry.history({ limit: 3 });
    const back = registry.rollback({ commit_hash: commits.at(-1)?.hash ?? '', ...yes }, ACTOR);
    await acknowledged(back.then(({ commit }) => commit));
    await attempt(branches.create({ name }, ACTOR));
    await go(name);
    await acknowledged(registry.updateAgent('lead', { capabilities: [`c-${round}-${n}`] }, ACTOR));
    await go('main');
    await acknowledged(registry.updateConfig({ server: { port: 3000 + n } }, ACTOR, 'set port'));
    await acknowledged(branches.merge(name, { ...yes, prefer: 'theirs' }, ACTOR).then(({ commit }) => commit));
    await attempt(branches.delete(name, false, ACTOR));
  }
};

/** A person edits by hand, and Nox pushes. */
const hand: Labour = async ({ root, round, open }) => {
  const registry = await open();
  await attempt(registry.setRemote({ url: remoteOf(root) }, ACTOR));
  for (let n = 1; ; n += 1) {
    await appendFile(join(root, 'agents.toml'), `# By hand, ${round} ${n}.\n`);
    await attempt(registry.refresh());
    await acknowledged(registry.updateAgent('lead', { system_prompt: `round ${round}\nwrite ${n}\n` }, ACTOR));
    await attempt(registry.record.flush());
    const { state, detail } = await registry.remote.push();
    say(state === 'ok' ? 'pushed' : `failed ${detail}`);
  }
};

/** Makes it whole from its bundle before it is opened. */
const repair: Labour = async ({ root, open }) => {
  await open({ bundle: bundleOf(root), repair: true });
  say('ack ');
  say('repaired');
};

/** Opens it, which makes it where there is none. */
const begin: Labour = async ({ open }) => {
  await open();
  say('open');
};

/** Puts a backup in place of what is there, whoever was in the midst of that before. */
const restore: Labour = async ({ root, round }) => {
  const now = new Date(Date.UTC(2026, 0, 2, 0, 0, round)).toISOString();
  say('begun');
  await restoreBackup({ ...restoreFolders(root), force: true, now });
  say('restored');
};

export const LABOURS = { care, time, hand, repair, begin, restore } as const;
export type LabourName = keyof typeof LABOURS;
