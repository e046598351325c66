import type { ProcessRow } from './process-table.js';

/** What marks a run's processes: the outermost one, and every other one that was ever seen in its tree. */
export interface RunMark {
  readonly run_id: string;
  readonly pid: number;
  readonly start_ticks: number;
  /** pid → start of processes that are known members: they stay members when their parents die. */
  readonly known: Map<number, number>;
}

/** A zombie is dead: it only waits to be reaped, and no signal reaches it. */
export const isAlive = (row: ProcessRow): boolean => row.state !== 'Z' && row.state !== 'X';

/** Made once for a scan, however many runs look for their trees in it. */
const indexes = new WeakMap<readonly ProcessRow[], ReadonlyMap<number, readonly ProcessRow[]>>();

function childrenIn(rows: readonly ProcessRow[]): ReadonlyMap<number, readonly ProcessRow[]> {
  const known = indexes.get(rows);
  if (known !== undefined) return known;
  const children = new Map<number, ProcessRow[]>();
  for (const row of rows) {
    const siblings = children.get(row.ppid);
    if (siblings === undefined) children.set(row.ppid, [row]);
    else siblings.push(row);
  }
  indexes.set(rows, children);
  return children;
}

/** The given pids and everything below them. */
export function withDescendants(rows: readonly ProcessRow[], roots: Iterable<number>): Set<number> {
  const children = childrenIn(rows);
  const found = new Set(roots);
  // A set that grows while it is walked is walked to its end.
  for (const pid of found) for (const child of children.get(pid) ?? []) found.add(child.pid);
  return found;
}

/** Everything below a process, and not itself. */
export function descendantsOf(rows: readonly ProcessRow[], pid: number): ProcessRow[] {
  const children = childrenIn(rows);
  const found = new Set(children.get(pid));
  for (const row of found) for (const child of children.get(row.pid) ?? []) found.add(child);
  return [...found];
}

/** A process, its parent, and so on up to pid 1. */
export function withAncestors(rows: readonly ProcessRow[], pid: number): Set<number> {
  const by_pid = new Map(rows.map((row) => [row.pid, row]));
  const found = new Set<number>();
  for (let at = by_pid.get(pid); at !== undefined && !found.has(at.pid); at = by_pid.get(at.ppid)) found.add(at.pid);
  return found;
}

const isInGroup = (row: ProcessRow, mark: RunMark): boolean => row.pgid === mark.pid || row.sid === mark.pid;

/**
 * Whether the process group and the session that the run began with are the run's alone: nobody else has got their number
 * since, and nobody who is spared is in them.
 */
export function ownsGroup(rows: readonly ProcessRow[], mark: RunMark, spared: ReadonlySet<number>): boolean {
  const holder = rows.find((row) => row.pid === mark.pid);
  const is_ours = holder === undefined || holder.start_ticks === mark.start_ticks;
  return is_ours && !rows.some((row) => isInGroup(row, mark) && spared.has(row.pid));
}

/**
 * The living processes of a run, its first one first: known ones, those that carry its cookie, those in its process
 * group or session, and everything below any of these. Those in `spared` and pids <= 1 are never among them, nor do they count as roots.
 */
export function membersOf(
  rows: readonly ProcessRow[],
  mark: RunMark,
  cookies: ReadonlySet<number>,
  spared: ReadonlySet<number>,
): ProcessRow[] {
  const by_group = ownsGroup(rows, mark, spared);
  const seeds = rows.filter(
    (row) =>
      !spared.has(row.pid) &&
      (mark.known.get(row.pid) === row.start_ticks ||
        cookies.has(row.pid) ||
        (by_group && isInGroup(row, mark) && row.start_ticks >= mark.start_ticks)),
  );
  const pids = withDescendants(
    rows,
    seeds.map((row) => row.pid),
  );
  return rows
    .filter((row) => pids.has(row.pid) && row.pid > 1 && isAlive(row) && !spared.has(row.pid))
    .sort((a, b) => Number(b.pid === mark.pid) - Number(a.pid === mark.pid));
}
