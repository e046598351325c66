import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { FAKE_AGENT } from '../support/fake-agent.js';
import type { NoxServer } from '../support/nox-server.js';

/** A living process of an agent, told apart by the cookie in its environment. */
export interface Living {
  readonly pid: number;
  readonly agent_id: string;
  readonly run_id: string;
  /** Of the agent itself, not of what it started. */
  readonly is_program: boolean;
}

/** Every living process that an agent of this home is or has started; zombies are none. */
export function livingOf(fake_home: string): Living[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      if (/^State:\s+[ZX]/m.test(readFileSync(`/proc/${name}/status`, 'utf8'))) return [];
      const env = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0');
      if (!env.includes(`FAKE_AGENT_HOME=${fake_home}`)) return [];
      const valueOf = (key: string) => env.find((entry) => entry.startsWith(`${key}=`))?.slice(key.length + 1);
      const run_id = valueOf('NOX_RUN_ID');
      if (run_id === undefined) return []; // Nox itself
      const is_program = readFileSync(`/proc/${name}/cmdline`, 'utf8').startsWith(`${FAKE_AGENT.join('\0')}\0`);
      return [{ pid: Number(name), agent_id: valueOf('NOX_AGENT_ID') ?? '?', run_id, is_program }];
    } catch {
      return []; // it ended while we looked
    }
  });
}

/** Programs of agents only. */
export const programsOf = (fake_home: string): Living[] => livingOf(fake_home).filter((each) => each.is_program);

interface TurnRow {
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
}

/**
 * What must hold whenever Nox has come to rest after a crash, as sentences about what does not: at most one live run per
 * agent, no process of a run that has ended, every turn ended or queued, every turn that did not complete says why, no
 * acknowledged turn lost.
 */
export function violations(nox: NoxServer, fake_home: string, acknowledged: readonly string[]): string[] {
  const db = new DatabaseSync(join(nox.home, 'state.db'), { readOnly: true });
  try {
    const open = db.prepare('SELECT agent_id, run_id FROM runs WHERE ended_ms IS NULL').all() as {
      agent_id: string;
      run_id: string;
    }[];
    const turns = db.prepare('SELECT id, status, reason FROM turns').all() as unknown as TurnRow[];
    const open_runs = new Set(open.map(({ run_id }) => run_id));
    const known = new Set(turns.map(({ id }) => id));
    return [
      ...twice(open.map(({ agent_id }) => agent_id)).map((id) => `${id} has two open runs in the journal`),
      ...twice([...new Set(programsOf(fake_home).map((p) => `${p.agent_id} ${p.run_id}`))].map(first)).map(
        (id) => `${id} runs twice`,
      ),
      ...livingOf(fake_home)
        .filter(({ run_id }) => !open_runs.has(run_id))
        .map(({ pid, run_id }) => `process ${pid} is an orphan of ${run_id}`),
      ...turns
        .filter(({ status, reason }) => reason === null && !['complete', 'queued', 'running'].includes(status))
        .map(({ id, status }) => `${id} is ${status} and does not say why`),
      ...acknowledged.filter((id) => !known.has(id)).map((id) => `the acknowledged turn ${id} is lost`),
    ];
  } finally {
    db.close();
  }
}

const first = (words: string): string => words.split(' ')[0] ?? '';
const twice = (ids: readonly string[]): string[] => ids.filter((id, n) => ids.indexOf(id) !== n);

/** Whether this user may mount a small disk of its own. */
export function canMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', '/mnt'], {
      stdio: 'ignore',
    });
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}
