import type { Dirent } from 'node:fs';
import { readdir, readFile, readlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf } from '../../shared/nox-error.js';

const WAIT_MS = 5000;
const POLL_MS = 20;

/**
 * Waits for git processes that still work in this folder: those of a killed Nox outlive it, and what they do must be
 * seen. False when one is still there after five seconds. Where processes cannot be listed, none is assumed.
 */
export async function waitForOrphans(root: string): Promise<boolean> {
  for (let waited_ms = 0; await gitRunsIn(root); waited_ms += POLL_MS) {
    if (waited_ms >= WAIT_MS) return false;
    await delay(POLL_MS);
  }
  return true;
}

/**
 * Removes lock files that no living git can hold; answers their paths. Only the owner of the registry may call it, and
 * while it runs no git itself.
 */
export async function removeLeftoverLocks(root: string): Promise<string[]> {
  const locks = await lockFiles(join(root, '.git'));
  if (locks.length === 0 || !(await waitForOrphans(root))) return [];
  const left = await lockFiles(join(root, '.git'));
  await Promise.all(left.map((path) => unlink(path).catch(ignoreMissing)));
  return left;
}

/** Git puts locks beside what they guard; objects have none, and are too many to look through. */
async function lockFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(noEntries);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return entry.name === 'objects' ? lockFiles(join(path, 'info')) : lockFiles(path);
      return entry.name.endsWith('.lock') && entry.name !== 'nox.lock' ? [path] : [];
    }),
  );
  return found.flat();
}

async function gitRunsIn(root: string): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const hits = await Promise.all(
    pids.map(async (pid) => {
      // A process that ends while it is looked at is no hit.
      const comm = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
      if (!comm.startsWith('git')) return false;
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      return cwd === root || cwd.startsWith(`${root}/`);
    }),
  );
  return hits.includes(true);
}

function noEntries(error: unknown): Dirent[] {
  if (errnoOf(error) === 'ENOENT') return [];
  throw error;
}

function ignoreMissing(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error;
}
