import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { ProcessTable, type ProcessRow } from './process-table.js';

const run = promisify(execFile);
const COLUMNS = ['-o', 'pid=,ppid=,pgid=,stat=,lstart='];
/** Dates are read back, so they must not come in the person's language. */
const ENGLISH = (): NodeJS.ProcessEnv => ({ ...process.env, LC_ALL: 'C' });

/** Reads one line of `ps -o pid=,ppid=,pgid=,stat=,lstart=`; the start is in seconds since the epoch. */
export function parsePsLine(line: string): ProcessRow | null {
  const [, pid, ppid, pgid, state, start] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S)\S*\s+(.+?)\s*$/.exec(line) ?? [];
  const start_ms = Date.parse(start ?? '');
  if (state === undefined || Number.isNaN(start_ms)) return null;
  const group = Number(pgid);
  const start_ticks = Math.floor(start_ms / 1000);
  return { pid: Number(pid), ppid: Number(ppid), pgid: group, sid: group, state, start_ticks };
}

/** The table of a machine without /proc (macOS). Environments are not readable there: no cookies. */
export class PsTable extends ProcessTable {
  override async bootId(): Promise<string> {
    const { stdout } = await run('sysctl', ['-n', 'kern.bootsessionuuid']);
    return stdout.trim();
  }

  override row(pid: number): ProcessRow | null {
    const { stdout } = spawnSync('ps', [...COLUMNS, '-p', String(pid)], { env: ENGLISH(), encoding: 'utf8' });
    return parsePsLine(stdout);
  }

  override async rows(): Promise<readonly ProcessRow[]> {
    const { stdout } = await run('ps', ['-A', ...COLUMNS], { env: ENGLISH(), maxBuffer: 16 * 2 ** 20 });
    return stdout
      .split('\n')
      .map(parsePsLine)
      .filter((row) => row !== null);
  }

  override async cookie(): Promise<string | undefined> {
    return undefined;
  }

  /** Cannot be known without waiting; the table is milliseconds old when this is asked. */
  override isSame(): boolean {
    return true;
  }
}
