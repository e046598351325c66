import { describe, expect, it } from '@jest/globals';
import { ProcessTable, type ProcessRow } from './process-table.js';
import type { RunMark } from './process-tree.js';
import { TreeKiller } from './tree-killer.js';

const RUN_STARTED = 1_000;
const ELDER = 900_001;
const STRANGER = 900_002;
const UNREAD = 900_003;

const row = (pid: number, ppid: number, start_ticks = 2_000): ProcessRow => ({
  pid,
  ppid,
  pgid: pid,
  sid: pid,
  state: 'S',
  start_ticks,
});

/** A machine where the run has ended, and where one process begins and ends that nobody ever reads in time. */
class MadeUpTable extends ProcessTable {
  scans = 0;
  constructor(private readonly unread_parent: number) {
    super();
  }
  async bootId(): Promise<string> {
    return 'boot';
  }
  row(): null {
    return null;
  }
  async rows(): Promise<readonly ProcessRow[]> {
    this.scans += 1;
    const nox = row(process.pid, 1, 500);
    return [row(1, 0, 0), nox, row(ELDER, 1, 600), row(STRANGER, 1), row(UNREAD, this.unread_parent)];
  }
  async cookie({ pid }: ProcessRow): Promise<string | undefined | null> {
    return pid === UNREAD ? null : undefined;
  }
  isSame(): boolean {
    return false;
  }
}

const mark = (): RunMark => ({ run_id: 'run_1', pid: 900_000, start_ticks: RUN_STARTED, known: new Map() });

/** How often all processes were looked at until the run counted as gone. */
async function looksWhenUnreadIsChildOf(parent: number): Promise<number> {
  const table = new MadeUpTable(parent);
  expect(await new TreeKiller(table).kill(mark())).toBe(false);
  return table.scans;
}

describe('a process that ends before it can be read whose it is', () => {
  it('is no reason to look again when somebody else has started it', async () => {
    expect(await looksWhenUnreadIsChildOf(ELDER)).toBe(2);
    expect(await looksWhenUnreadIsChildOf(STRANGER)).toBe(2);
  });

  it('is one when it may be an orphan of the run, though not for ever', async () => {
    for (const parent of [1, process.pid, 900_009]) {
      const looks = await looksWhenUnreadIsChildOf(parent);
      expect(looks).toBeGreaterThan(10);
      expect(looks).toBeLessThan(100);
    }
  });
});
