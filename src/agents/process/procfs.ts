import { readFileSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { errnoOf } from '../../shared/nox-error.js';
import { ProcessTable, type ProcessRow } from './process-table.js';
import { GONE, StatFiles, unlessGone } from './stat-files.js';

/**
 * Reads `/proc/PID/stat`. The command's name stands in parentheses and may itself hold spaces, newlines and
 * parentheses: only what follows the last one counts. Null when it is not such a line.
 */
export function parseStat(text: string): ProcessRow | null {
  const fields = fieldsOf(text);
  const [state, ppid, pgid, sid] = fields;
  // The first field here is field 3 of proc(5), so the start time, field 22, is at 19.
  const row = {
    pid: Number.parseInt(text, 10),
    ppid: Number(ppid),
    pgid: Number(pgid),
    sid: Number(sid),
    state: state ?? '',
    start_ticks: Number(fields[19]),
  };
  const whole = [row.pid, row.ppid, row.pgid, row.sid, row.start_ticks].every((n) => Number.isSafeInteger(n));
  return whole && row.state.length === 1 ? row : null;
}

/** From field 3 of proc(5) to field 24, the last that is of use here. */
const fieldsOf = (text: string): string[] => text.slice(text.lastIndexOf(')') + 2).split(' ', 22);

const files = new StatFiles();

/** The process with this pid now, or null. */
export function readRow(pid: number): ProcessRow | null {
  const text = files.read(pid);
  return text === null ? null : parseStat(text);
}

/** Ticks in a second, as every Linux tells its programs. */
const TICKS_PER_S = 100;

/** What a process has used until now; `children_cpu_s` is that of ended children it has waited for. */
export interface StatUse {
  readonly start_ticks: number;
  readonly rss_pages: number;
  readonly own_cpu_s: number;
  readonly children_cpu_s: number;
}

/** The same line's figures; null when the process has ended, a zombie too. */
export function parseUse(text: string): StatUse | null {
  const fields = fieldsOf(text);
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  const [user, system, children_user, children_system] = fields.slice(11, 15).map(Number);
  const use = {
    start_ticks: Number(fields[19]),
    rss_pages: Number(fields[21]),
    own_cpu_s: ((user ?? NaN) + (system ?? NaN)) / TICKS_PER_S,
    children_cpu_s: ((children_user ?? NaN) + (children_system ?? NaN)) / TICKS_PER_S,
  };
  return Object.values(use).every((n) => Number.isFinite(n)) ? use : null;
}

export function readUse(pid: number): StatUse | null {
  const text = files.read(pid);
  return text === null ? null : parseUse(text);
}

/** Children of every thread of a process, oldest first per thread; empty when it ended. */
export function childrenOf(pid: number): number[] {
  const threads = unlessGone(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads.flatMap((tid) => {
    const list = unlessGone(() => readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8')) ?? '';
    return list.split(' ').filter(Boolean).map(Number);
  });
}

/** The argument vector; empty for zombies, kernel threads and processes that ended. */
export function argvOf(pid: number): string[] {
  const text = unlessGone(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '';
  return text.split('\0').slice(0, -1);
}

/** The table of a Linux machine. */
export class ProcfsTable extends ProcessTable {
  private scan: { rows: readonly ProcessRow[]; at_ms: number } = { rows: [], at_ms: -Infinity };
  /** Per scan: an environment is read once however many runs look for their cookie. */
  private readonly cookies = new WeakMap<ProcessRow, Promise<string | undefined | null>>();

  override async bootId(): Promise<string> {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  }

  override row(pid: number): ProcessRow | null {
    return readRow(pid);
  }

  override async rows(max_age_ms = 0): Promise<readonly ProcessRow[]> {
    const now = performance.now();
    if (now - this.scan.at_ms >= max_age_ms) {
      this.scan = { rows: readAll(), at_ms: now };
    }
    return this.scan.rows;
  }

  override cookie(row: ProcessRow): Promise<string | undefined | null> {
    const known = this.cookies.get(row) ?? readCookie(row);
    this.cookies.set(row, known);
    return known;
  }

  override isSame(row: ProcessRow): boolean {
    return readRow(row.pid)?.start_ticks === row.start_ticks;
  }
}

/** How often the list is read again for those that came meanwhile; on a quiet machine once. */
const MOST_LISTS = 20;

/**
 * Looks until a list holds nobody who was not read yet: who starts another one and ends, while others are read, hides
 * neither of the two.
 */
function readAll(): ProcessRow[] {
  const rows: ProcessRow[] = [];
  const seen = new Set<number>();
  for (let lists = 0; lists < MOST_LISTS; lists += 1) {
    const listed = readdirSync('/proc').map(Number).filter(Number.isInteger);
    const fresh = listed.filter((pid) => !seen.has(pid));
    if (fresh.length === 0) break;
    for (const pid of fresh) {
      seen.add(pid);
      const row = readRow(pid);
      if (row !== null) rows.push(row);
    }
  }
  files.keepOnly(seen);
  return rows;
}

/** Of the kernel's own threads. */
const KTHREADD = 2;

/** Asynchronous, unlike the rest: this one reads the process's own memory and may have to wait for its lock. */
async function readCookie({ pid, ppid }: ProcessRow): Promise<string | undefined | null> {
  try {
    const environ = await readFile(`/proc/${pid}/environ`, 'latin1');
    const entry = environ.split('\0').find((line) => line.startsWith('NOX_RUN_ID='));
    if (entry !== undefined) return entry.slice('NOX_RUN_ID='.length);
    // Between two programs, and at its end, a process has neither environment nor arguments for a moment.
    if (environ !== '' || ppid === KTHREADD) return undefined;
    return argvOf(pid).length === 0 ? null : '';
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    if (GONE.has(code)) return undefined;
    throw error;
  }
}
