import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import pidusage from 'pidusage';
import { errnoOf } from '../../shared/nox-error.js';
import { readUse } from './procfs.js';

/** What a whole tree uses now. */
export interface TreeUsage {
  /** Resident memory, summed; pages that processes share count once for each of them. */
  readonly memory_bytes: number;
  /** 100 is one core fully used. Since the last sample; 0 when it is the first. */
  readonly cpu_percent: number;
  readonly processes: number;
}

/** What one living process has used. */
export interface ProcessUse {
  readonly pid: number;
  /** With the pid it names one process. */
  readonly start: number;
  readonly memory_bytes: number;
  readonly own_cpu_s: number;
  /** Of its children that have ended and were waited for, and theirs. */
  readonly children_cpu_s: number;
}

/** Looks at these processes; those that have ended are left out. */
export type ReadUses = (pids: readonly number[]) => Promise<readonly ProcessUse[]>;

/** Shorter differences say nothing: the kernel counts in hundredths of a second. */
const SHORTEST_MS = 250;

interface Look {
  readonly at_ms: number;
  readonly uses: ReadonlyMap<number, ProcessUse>;
}

/** Measures one tree. Its processor use is the difference between two samples, that of short-lived children included. */
export class TreeMeter {
  private base: Look | null = null;
  private last_percent = 0;

  constructor(
    private readonly read: ReadUses = readUses,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** What these processes use now, since the last `sample`; any number of looks between two samples changes nothing. */
  async look(pids: readonly number[]): Promise<TreeUsage> {
    return this.usageOf(await this.take(pids));
  }

  /** The same, and the next difference counts from here. `cpu_s`: what was used since the sample before, or ever. */
  async sample(pids: readonly number[]): Promise<TreeUsage & { readonly cpu_s: number }> {
    const look = await this.take(pids);
    const cpu_s = cpuBetween(this.base, look);
    const usage = this.usageOf(look);
    this.last_percent = usage.cpu_percent;
    this.base = look;
    return { ...usage, cpu_s };
  }

  private async take(pids: readonly number[]): Promise<Look> {
    const uses = await this.read(pids);
    return { at_ms: this.now(), uses: new Map(uses.map((use) => [use.pid, use])) };
  }

  private usageOf(look: Look): TreeUsage {
    const memory_bytes = sum([...look.uses.values()].map((use) => use.memory_bytes));
    return { memory_bytes, cpu_percent: this.percentOf(look), processes: look.uses.size };
  }

  private percentOf(look: Look): number {
    if (this.base === null || look.uses.size === 0) return 0;
    const span_ms = look.at_ms - this.base.at_ms;
    return span_ms < SHORTEST_MS ? this.last_percent : (cpuBetween(this.base, look) * 100_000) / span_ms;
  }
}

/**
 * Processor seconds of a tree between two looks. A child that ended is in its parent's sum, what was known of it before
 * is taken off; one whose parent is not in the tree is lost, but what the living ones used themselves is certain.
 */
function cpuBetween(before: Look | null, after: Look): number {
  const earlier = (use: ProcessUse): ProcessUse | undefined => {
    const known = before?.uses.get(use.pid);
    return known?.start === use.start ? known : undefined;
  };
  const certain = sum([...after.uses.values()].map((use) => use.own_cpu_s - (earlier(use)?.own_cpu_s ?? 0)));
  const total = (look: Look | null): number =>
    sum([...(look?.uses.values() ?? [])].map((use) => use.own_cpu_s + use.children_cpu_s));
  return Math.max(0, certain, total(after) - total(before));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** The way of this machine: /proc, else pidusage. */
export const readUses: ReadUses = existsSync('/proc/self/stat') ? readFromProc : readFromPs();

let page_bytes: number | undefined;

async function readFromProc(pids: readonly number[]): Promise<readonly ProcessUse[]> {
  page_bytes ??= Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));
  const page = page_bytes;
  return pids.flatMap((pid) => {
    const use = readUse(pid);
    if (use === null) return [];
    const { start_ticks: start, rss_pages, own_cpu_s, children_cpu_s } = use;
    return [{ pid, start, memory_bytes: rss_pages * page, own_cpu_s, children_cpu_s }];
  });
}

function readFromPs(): ReadUses {
  /** One at a time: two first looks of pidusage at one pid would confuse what it remembers of it. */
  let last: Promise<unknown> = Promise.resolve();
  return (pids) => {
    const next = last.then(() => measure(pids));
    last = next.catch(() => undefined);
    return next;
  };
}

async function measure(pids: readonly number[]): Promise<readonly ProcessUse[]> {
  if (pids.length === 0) return [];
  // One that is gone is null among others, whatever the types say, but an error when it is the only one.
  const found: Record<string, pidusage.Status | null | undefined> = await pidusage([...pids]).catch(
    (error: unknown) => {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return {};
      throw error;
    },
  );
  return Object.values(found).flatMap((status) =>
    status === null || status === undefined
      ? []
      : [{ pid: status.pid, start: 0, memory_bytes: status.memory, own_cpu_s: status.ctime / 1000, children_cpu_s: 0 }],
  );
}
