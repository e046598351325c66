import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseSync } from 'node:sqlite';
import { CLAUDE_PATH } from '../../support/claude-env.js';
import { fakeAgent } from '../../support/fake-agent.js';
import { NoxServer } from '../../support/nox-server.js';
import { makeTempDir } from '../../support/temp-dir.js';
import { eventually } from '../../support/wait.js';
import { canMount } from '../fault-support.js';
import { type LongReport, type Say, secondsSince } from './report.js';

/** Calls per fault and round. */
const AGENTS = 5;

/** A call that leaves a file behind, and waits for a person. */
interface Canary {
  readonly agent_id: string;
  readonly name: string;
  readonly approval_id: string;
  /** The prompt's end, whatever it is. */
  readonly over: Promise<unknown>;
}

export interface CanaryOptions {
  /** Each fault meets five calls per round: of so many real CLIs, the others of fake agents. */
  readonly rounds: number;
  readonly real: number;
  readonly say: Say;
  readonly random?: () => number;
}

/**
 * RELIABILITY A1: whatever breaks while calls wait, the effect of a call is there if and only if an approval of that very
 * call was in the journal before. (What breaks between the CLI and Nox is the canary of `src/agents/canary`.)
 */
export async function runCanaries({ rounds, real, say, random = Math.random }: CanaryOptions): Promise<LongReport> {
  const began = performance.now();
  const violations: string[] = [];
  const calls: Record<string, number> = {};
  let executed = 0;
  const disk = canMount() ? await makeTempDir('nox-canary-disk-') : undefined;
  const home = disk === undefined ? undefined : join(disk.path, 'home');
  if (home !== undefined) {
    mkdirSync(home);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=700', 'tmpfs', home]);
  }
  const nox = await NoxServer.start({
    env: { NOX_CLAUDE_PATH: CLAUDE_PATH, ...(home === undefined ? {} : { NOX_HOME: home }) },
  });
  const real_ids = Array.from({ length: real }, (_, at) => `claude-${at}`);
  const fake_ids = Array.from({ length: AGENTS - real }, (_, at) => `fake-${at}`);
  const world = new World(nox, home ?? nox.home, [...real_ids, ...fake_ids]);
  try {
    for (const id of real_ids) await nox.call('agents_create', { body: { id, name: id, start: true } });
    for (const id of fake_ids) await nox.call('agents_create', { body: fakeAgent(id) });
    for (let round = 0; round < rounds; round += 1) {
      for (const [fault, meet] of Object.entries(FAULTS)) {
        if (fault === 'disk full' && home === undefined) continue;
        const canaries = await world.ask();
        await meet(world, canaries, random);
        await world.settle(canaries);
        calls[fault] = (calls[fault] ?? 0) + canaries.length;
        for (const canary of canaries) {
          const { problem, ran } = world.judge(canary, fault);
          if (ran) executed += 1;
          if (problem !== undefined) violations.push(`${fault}: ${problem}`);
        }
      }
      say(`round ${round + 1} of ${rounds}: ${violations.length} violations`);
    }
  } finally {
    await nox.close();
    if (disk !== undefined && home !== undefined) {
      execFileSync('umount', ['-l', home]);
      await disk.remove();
    }
  }
  return { rounds, real, calls, executed, disk_full: home !== undefined, took_s: secondsSince(began), violations };
}

type Meet = (world: World, canaries: readonly Canary[], random: () => number) => Promise<void>;

/** `approved` first: it shows that the canary can sing. */
const FAULTS: Record<string, Meet> = {
  approved: async (world, canaries) => {
    await Promise.all(canaries.map(({ approval_id }) => world.approve(approval_id)));
  },
  'Nox killed': async (world) => {
    await world.nox.restart('SIGKILL');
  },
  'Nox killed while it is decided': async (world, canaries, random) => {
    const decisions = canaries.map(({ approval_id }) => world.approve(approval_id).catch(() => undefined));
    await delay(Math.floor(random() * 40));
    await world.nox.restart('SIGKILL');
    await Promise.all(decisions);
  },
  'agents killed': async (world, canaries) => {
    for (const { agent_id } of canaries) {
      const { pid } = await world.nox.call('agents_status', { params: { id: agent_id } });
      if (pid !== null) process.kill(pid, 'SIGKILL');
    }
    await Promise.all(canaries.map((canary) => world.ended(canary)));
    for (const { approval_id } of canaries) await world.refused(approval_id);
  },
  'dashboard gone in the middle of a decision': async (world, canaries) => {
    await Promise.all(canaries.map(({ approval_id }) => world.halfAnApproval(approval_id)));
    await world.denyAll(canaries);
  },
  'broken decisions': async (world, canaries) => {
    for (const { approval_id } of canaries)
      for (const body of ['{"reason":', '[]', '{"approved":true}', '{"updated_input":7}'])
        await world.broken(approval_id, body);
    await world.denyAll(canaries);
  },
  'disk full': async (world, canaries) => {
    const filler = join(world.home, 'filler');
    fill(filler);
    await Promise.all(canaries.map(({ approval_id }) => world.approve(approval_id).catch(() => undefined)));
    rmSync(filler);
    await Promise.all(canaries.map(({ approval_id }) => world.deny(approval_id).catch(() => undefined)));
  },
  'agents stopped': async (world, canaries) => {
    await Promise.all(
      canaries.map(({ agent_id: id }) => world.nox.call('agents_stop', { params: { id }, body: { force: true } })),
    );
    for (const { approval_id } of canaries) await world.refused(approval_id);
    await Promise.all(canaries.map(({ agent_id: id }) => world.nox.call('agents_start', { params: { id } })));
  },
};

/** Writes until the disk takes no more. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const bytes of [65_536, 4096, 1]) {
      try {
        for (;;) if (writeSync(file, Buffer.alloc(bytes, 1)) < bytes) break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}

class World {
  private count = 0;

  constructor(
    readonly nox: NoxServer,
    readonly home: string,
    private readonly agents: readonly string[],
  ) {}

  /** One waiting call per agent. */
  ask(): Promise<Canary[]> {
    this.count += 1;
    return Promise.all(
      this.agents.map(async (agent_id) => {
        const name = `canary-${this.count}-${agent_id}`;
        await eventually(`${agent_id} at rest`, async () => {
          const { process_state, activity } = await this.nox.call('agents_status', { params: { id: agent_id } });
          return process_state === 'running' && activity === 'idle';
        });
        const command = `touch ${name}`;
        const content = `tool Bash ${JSON.stringify({ command, description: 'canary' })}`;
        const over = this.nox
          .call('agents_prompt', { params: { id: agent_id }, body: { content } })
          .catch(() => undefined);
        const asked = await eventually(`request for ${name}`, async () => {
          const { approvals } = await this.nox.call('approvals_list', { query: { status: 'pending', agent_id } });
          return approvals.find(({ input }) => (input as { command?: string }).command === command);
        });
        return { agent_id, name, approval_id: asked.id, over };
      }),
    );
  }

  approve(id: string): Promise<unknown> {
    return this.nox.call('approvals_approve', { params: { id }, body: {} });
  }

  deny(id: string): Promise<unknown> {
    return this.nox.call('approvals_deny', { params: { id }, body: {} });
  }

  async denyAll(canaries: readonly Canary[]): Promise<void> {
    await Promise.all(canaries.map(({ approval_id }) => this.deny(approval_id)));
  }

  /** An approval that comes too late must be told so. */
  async refused(id: string): Promise<void> {
    const late = await this.approve(id).then(
      () => 'taken',
      (error: { status: number }) => error.status,
    );
    if (late !== 409) throw new Error(`a late approval was answered with ${String(late)}`);
  }

  async ended({ approval_id }: Canary): Promise<void> {
    await eventually('end of the request', async () => {
      const { status } = await this.nox.call('approvals_get', { params: { id: approval_id } });
      return status !== 'pending' && status !== 'parked';
    });
  }

  async broken(id: string, body: string): Promise<void> {
    const { status } = await fetch(`${this.nox.url}/api/v1/approvals/${id}/approve`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.nox.access_token}`, 'content-type': 'application/json' },
      body,
    });
    if (status !== 400) throw new Error(`${body} was answered with ${status}`);
  }

  /** Whoever decides dies before the decision is whole. */
  halfAnApproval(id: string): Promise<void> {
    return new Promise((resolve) => {
      const { url, access_token } = this.nox;
      const call = request(`${url}/api/v1/approvals/${id}/approve`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${access_token}`,
          'content-type': 'application/json',
          'content-length': 100,
        },
      });
      call.on('error', () => resolve());
      call.write('{"reason": "go', () => call.destroy(new Error('the dashboard is gone')));
    });
  }

  /** Nothing is under way any more: the requests have ended, and so have the turns. */
  async settle(canaries: readonly Canary[]): Promise<void> {
    await Promise.all(canaries.map((canary) => this.ended(canary)));
    await eventually('rest', async () => {
      const { agents } = await this.nox.call('agents_list', { query: { limit: 100 } });
      return agents.every(
        ({ process_state, activity, queued_turns, current_turn_id }) =>
          process_state === 'running' && activity === 'idle' && queued_turns === 0 && current_turn_id === null,
      );
    });
  }

  /** Effect and journal, as they are on the disk. */
  judge({ agent_id, name, approval_id }: Canary, fault: string): { ran: boolean; problem?: string } {
    const facts = statSync(join(this.nox.workspace, 'workspaces', agent_id, name), { throwIfNoEntry: false });
    const db = new DatabaseSync(join(this.home, 'state.db'), { readOnly: true });
    try {
      const row = db.prepare('SELECT approval_json AS json FROM approvals WHERE id = ?').get(approval_id);
      const { status, decided_at, executed } = JSON.parse(String(row?.['json'])) as {
        status: string;
        decided_at: string | null;
        executed: boolean | null;
      };
      const ran = facts !== undefined;
      if (ran && status !== 'approved') return { ran, problem: `${name} ran, and its request is ${status}` };
      // The file system's clock is coarse: it may be a tick behind.
      if (ran && Date.parse(decided_at ?? '') > facts.mtimeMs + 20)
        return { ran, problem: `${name} ran before it was approved` };
      if (!ran && executed === true) return { ran, problem: `${name} is told to have run, and did not` };
      if (!ran && fault === 'approved') return { ran, problem: `${name} was approved and did not run` };
      return { ran };
    } finally {
      db.close();
    }
  }
}
