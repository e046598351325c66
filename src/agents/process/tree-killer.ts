import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../shared/nox-error.js';
import type { ProcessRow, ProcessTable } from './process-table.js';
import { isAlive, membersOf, ownsGroup, withAncestors, withDescendants, type RunMark } from './process-tree.js';

interface Scope {
  /** Also spare everything below Nox itself: nothing of an earlier Nox can be there. */
  readonly spare_own_tree: boolean;
}

/** Ending a run of this Nox: its processes are below Nox itself. */
const END: Scope = { spare_own_tree: false };

const CLEAN_ROUNDS = 2;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 250;

/**
 * Finds and kills what belongs to a run, without the kernel's help: by descent, process group, and the run's cookie in
 * the environment. A process that drops its environment *and* has lost its parents before it was ever seen escapes.
 * Pids <= 1, Nox itself and its ancestors are never signalled.
 */
export class TreeKiller {
  constructor(private readonly table: ProcessTable) {}

  /** The living processes of a run, its first one first; what is found is remembered in `mark.known`. */
  async find(mark: RunMark, scope: Scope = END, max_age_ms = 0): Promise<ProcessRow[]> {
    return (await this.look(mark, scope, max_age_ms)).alive;
  }

  /** The living processes below this one; a scan not older than `max_age_ms` may tell. */
  async below(pid: number, max_age_ms: number): Promise<ProcessRow[]> {
    const rows = await this.table.rows(max_age_ms);
    const pids = withDescendants(rows, [pid]);
    return rows.filter((row) => row.pid !== pid && pids.has(row.pid) && isAlive(row));
  }

  /**
   * SIGKILL to everything of the run, again and again until two rounds in a row find nothing alive. Goes on as long as
   * something lives (a process in uninterruptible sleep dies late); what another user owns cannot be killed and is left out.
   * Answers whether anything was alive.
   */
  async kill(mark: RunMark, scope: Scope = END): Promise<boolean> {
    const not_ours = new Set<string>();
    let found = false;
    let pause_ms = FIRST_PAUSE_MS;
    for (let clean = 0; clean < CLEAN_ROUNDS;) {
      const look = await this.look(mark, scope, 0);
      const alive = look.alive.filter((row) => !not_ours.has(keyOf(row)));
      clean = alive.length === 0 ? clean + 1 : 0;
      if (alive.length > 0) {
        found = true;
        // The group first: one call reaches all of it, also what is forked at this moment.
        if (look.owns_group && alive.some((row) => row.pgid === mark.pid)) sendSignal(-mark.pid, 'SIGKILL');
        for (const row of alive) {
          if (this.table.isSame(row) && !sendSignal(row.pid, 'SIGKILL')) not_ours.add(keyOf(row));
        }
        pause_ms = Math.min(pause_ms * 1.5, LONGEST_PAUSE_MS);
      }
      if (clean < CLEAN_ROUNDS) await sleep(pause_ms);
    }
    return found;
  }

  private async look(
    mark: RunMark,
    scope: Scope,
    max_age_ms: number,
  ): Promise<{ alive: ProcessRow[]; owns_group: boolean }> {
    const known_before = [...mark.known.keys()];
    const rows = await this.table.rows(max_age_ms);
    const spared = withAncestors(rows, process.pid);
    if (scope.spare_own_tree) for (const pid of withDescendants(rows, [process.pid])) spared.add(pid);

    const cookies = new Set<number>();
    // Whoever is older than the run is no part of it: most environments need no look.
    const candidates = rows.filter((row) => row.start_ticks >= mark.start_ticks && !spared.has(row.pid));
    await Promise.all(
      candidates.map(async (row) => {
        if ((await this.table.cookie(row)) === mark.run_id) cookies.add(row.pid);
      }),
    );
    const alive = membersOf(rows, mark, cookies, spared);
    // Whoever died is forgotten, but not what another look found since this one began.
    for (const pid of known_before) mark.known.delete(pid);
    for (const row of alive) mark.known.set(row.pid, row.start_ticks);
    return { alive, owns_group: ownsGroup(rows, mark, spared) };
  }
}

const keyOf = (row: ProcessRow): string => `${row.pid}:${row.start_ticks}`;

/** Sends a signal; one that is gone already is fine. Answers false when the process belongs to another user. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  if (Math.abs(pid) <= 1) throw new RangeError(`refusing to signal pid ${pid}`);
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return true;
    if (errnoOf(error) === 'EPERM') return false;
    throw error;
  }
}
