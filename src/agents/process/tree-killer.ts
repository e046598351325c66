import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../shared/nox-error.js';
import type { ProcessRow, ProcessTable } from './process-table.js';
import {
  descendantsOf,
  isAlive,
  membersOf,
  ownsGroup,
  withAncestors,
  withDescendants,
  type RunMark,
} from './process-tree.js';

interface Scope {
  /** Also spare everything below Nox itself: nothing of an earlier Nox can be there. */
  readonly spare_own_tree: boolean;
}

/** Ending a run of this Nox: its processes are below Nox itself. */
const END: Scope = { spare_own_tree: false };

const CLEAN_ROUNDS = 2;
/** How often new ones are made to stand still before all are killed, however many still come. */
const FREEZE_ROUNDS = 20;
/** How many rounds may say nothing for sure before their silence counts: on a machine where something ends all the time. */
const MOST_DOUBTS = 50;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 250;

interface Look {
  readonly alive: ProcessRow[];
  readonly owns_group: boolean;
  /** Nobody ended, or became another program, before it could be seen whose it is. */
  readonly is_sure: boolean;
}

/**
 * Finds and kills what belongs to a run, without the kernel's help: by descent, process group and session, and the run's
 * cookie in the environment. A process that drops its environment, leaves its session *and* has lost its parents before it
 * was ever seen escapes. Pids <= 1, Nox itself and its ancestors are never signalled.
 */
export class TreeKiller {
  constructor(private readonly table: ProcessTable) {}

  /** The living processes of a run, its first one first; what is found is remembered in `mark.known`. */
  async find(mark: RunMark, scope: Scope = END, max_age_ms = 0): Promise<ProcessRow[]> {
    return (await this.look(mark, scope, max_age_ms, new Set())).alive;
  }

  /** The living processes below this one; a scan not older than `max_age_ms` may tell. */
  async below(pid: number, max_age_ms: number): Promise<ProcessRow[]> {
    return descendantsOf(await this.table.rows(max_age_ms), pid).filter(isAlive);
  }

  /**
   * Ends everything of the run: first all of it is made to stand still, so that nobody starts another one while the rest is
   * found; when no new one is seen all get SIGKILL, again and again until two rounds in a row find nothing alive. Goes on
   * as long as something lives (a process in uninterruptible sleep dies late); what another user owns cannot be killed and
   * is left out. Answers whether anything was alive.
   */
  async kill(mark: RunMark, scope: Scope = END): Promise<boolean> {
    const not_ours = new Set<string>();
    const strangers = new Set<string>();
    const frozen = new Set<string>();
    let found = false;
    let pause_ms = FIRST_PAUSE_MS;
    let [freezes, doubts] = [0, 0];
    for (let clean = 0; clean < CLEAN_ROUNDS;) {
      const { alive: seen, owns_group, is_sure } = await this.look(mark, scope, 0, strangers);
      const alive = seen.filter((row) => !not_ours.has(keyOf(row)));
      const signal = (name: 'SIGSTOP' | 'SIGKILL', rows: readonly ProcessRow[]): void => {
        // The group first: one call reaches all of it, also what is forked at this moment.
        if (owns_group && rows.some((row) => row.pgid === mark.pid)) sendSignal(-mark.pid, name);
        for (const row of rows) {
          if (this.table.isSame(row) && !sendSignal(row.pid, name)) not_ours.add(keyOf(row));
        }
      };
      found ||= alive.length > 0;
      const fresh = alive.filter((row) => !frozen.has(keyOf(row)));
      if (fresh.length > 0 && freezes < FREEZE_ROUNDS) {
        freezes += 1;
        clean = 0;
        signal('SIGSTOP', fresh);
        for (const row of fresh) frozen.add(keyOf(row));
        continue;
      }
      if (alive.length > 0) {
        clean = 0;
        signal('SIGKILL', alive);
        pause_ms = Math.min(pause_ms * 1.5, LONGEST_PAUSE_MS);
      } else if (is_sure || doubts >= MOST_DOUBTS) clean += 1;
      else doubts += 1;
      if (clean < CLEAN_ROUNDS) await sleep(pause_ms);
    }
    return found;
  }

  /** `strangers`: those whose environment was read, and is not of this run; it never becomes so. Grows. */
  private async look(mark: RunMark, scope: Scope, max_age_ms: number, strangers: Set<string>): Promise<Look> {
    const known_before = [...mark.known.keys()];
    const rows = await this.table.rows(max_age_ms);
    const spared = withAncestors(rows, process.pid);
    if (scope.spare_own_tree) for (const pid of withDescendants(rows, [process.pid])) spared.add(pid);

    const cookies = new Set<number>();
    const unread: ProcessRow[] = [];
    // Whoever is older than the run is no part of it: most environments need no look.
    const candidates = rows.filter(
      (row) =>
        row.start_ticks >= mark.start_ticks && !spared.has(row.pid) && isAlive(row) && !strangers.has(keyOf(row)),
    );
    await Promise.all(
      candidates.map(async (row) => {
        const cookie = await this.table.cookie(row);
        if (cookie === mark.run_id) cookies.add(row.pid);
        else if (cookie === null) unread.push(row);
        // Without any environment it may just be becoming another program: looked at again next time.
        else if (cookie !== '') strangers.add(keyOf(row));
      }),
    );
    const alive = membersOf(rows, mark, cookies, spared);
    const is_sure =
      unread.length === 0 ||
      !mayBelong(unread, rows, (parent) => {
        if (spared.has(parent.pid) || alive.includes(parent)) return false;
        return parent.start_ticks < mark.start_ticks || strangers.has(keyOf(parent));
      });
    // Whoever died is forgotten, but not what another look found since this one began.
    for (const pid of known_before) mark.known.delete(pid);
    for (const row of alive) mark.known.set(row.pid, row.start_ticks);
    return { alive, owns_group: ownsGroup(rows, mark, spared), is_sure };
  }
}

/**
 * Whether one of them may be of the run for all that is known. An orphan of the run goes to Nox or to what is above Nox
 * (prctl(2), PR_SET_CHILD_SUBREAPER), never to somebody else: a child of somebody else was born there.
 */
function mayBelong(
  unread: readonly ProcessRow[],
  rows: readonly ProcessRow[],
  isElse: (parent: ProcessRow) => boolean,
): boolean {
  const by_pid = new Map(rows.map((row) => [row.pid, row]));
  return unread.some((row) => {
    const parent = by_pid.get(row.ppid);
    return parent === undefined || !isElse(parent);
  });
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
