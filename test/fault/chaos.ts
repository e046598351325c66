import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FAKE_AGENT, fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { randomOf } from '../support/random.js';
import { makeTempDir } from '../support/temp-dir.js';
import { eventually, within } from '../support/wait.js';
import { livingOf, programsOf, violations } from './fault-support.js';

export interface ChaosOptions {
  readonly kills: number;
  readonly minutes: number;
  readonly agents: number;
  /** The same seed makes the same choices; what they meet depends on the machine. */
  readonly seed: number;
  readonly say: (text: string) => void;
}

export interface ChaosReport {
  readonly seed: number;
  readonly agents: number;
  readonly took_s: number;
  readonly kills: { nox: number; nox_while_starting: number; agent: number };
  /** Turns that were acknowledged, by how they ended. */
  readonly turns: Record<string, number>;
  /** From the start of Nox to its first answer. */
  readonly start_ms: { median: number; max: number };
  /** From the last kill until Nox answers and every agent has its process again. */
  readonly settle_ms: number;
  /** The same number of bare processes on the same machine at that time, without Nox. */
  readonly bare_ms: number;
  /** From then to rest: every agent idle, every turn ended. */
  readonly rest_ms: number;
  readonly verdict: string;
  readonly violations: readonly string[];
}

/** A crash of an agent may come every second: none of them may be given up for that. */
const PATIENT = { intensity: 1000, period_s: 60, backoff_ms: { initial: 10, max: 200 } };
const OPEN_TURNS_PER_AGENT = 3;
const REST_LIMIT_MS = 120_000;
/** RELIABILITY P3; on a machine that has too little to spare for that, this many times what bare processes take. */
const SETTLE_LIMIT_MS = 10_000;
const SETTLE_SHARE = 3;

/**
 * Kills Nox and agents at random while every agent has work, then lets it come to rest and says which promises were
 * broken: at most one live run per agent (looked at after each start), no orphan, every turn ended and says why, no
 * acknowledged turn lost, no answer that belongs to another prompt, no prompt given to a conversation twice.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  await using folder = await makeTempDir('nox-chaos-');
  const run = new Chaos(options, folder.path);
  return run.play();
}

class Chaos {
  private readonly ids: string[];
  private readonly random: () => number;
  private readonly acknowledged = new Map<string, string>();
  private readonly open = new Map<string, number>();
  private readonly starts_ms: number[] = [];
  private readonly broken: string[] = [];
  private readonly kills = { nox: 0, nox_while_starting: 0, agent: 0 };
  private prompts = 0;
  private over = false;
  private nox!: NoxServer;

  constructor(
    private readonly options: ChaosOptions,
    private readonly home: string,
  ) {
    this.random = randomOf(options.seed);
    this.ids = Array.from({ length: options.agents }, (_, n) => `agent-${n}`);
  }

  async play(): Promise<ChaosReport> {
    const { agents, seed, say } = this.options;
    say(`seed ${seed}`);
    const began = performance.now();
    this.nox = await NoxServer.start({ env: { FAKE_AGENT_HOME: this.home, NOX_LOG_LEVEL: 'warn' } });
    try {
      await Promise.all(
        this.ids.map((id) => this.nox.call('agents_create', { body: { ...fakeAgent(id), restart: PATIENT } })),
      );
      const load = Promise.all(this.ids.map((id) => this.work(id)));
      await this.killing(began);
      this.over = true;
      await load;
      const settle_ms = await this.settle();
      const settled = performance.now();
      const statuses = await this.rest();
      const rest_ms = Math.round(performance.now() - settled);
      const bare_ms = await bareFleet(agents);
      if (settle_ms > Math.max(SETTLE_LIMIT_MS, SETTLE_SHARE * bare_ms))
        this.broken.push(`agents were back after ${settle_ms} ms; bare processes take ${bare_ms} ms`);
      this.broken.push(...violations(this.nox, this.home, [...this.acknowledged.keys()]), ...this.repeated());
      return {
        seed,
        agents,
        took_s: Math.round((performance.now() - began) / 1000),
        kills: this.kills,
        turns: statuses,
        start_ms: { median: median(this.starts_ms), max: Math.max(0, ...this.starts_ms) },
        settle_ms,
        bare_ms,
        rest_ms,
        verdict:
          `${this.kills.nox + this.kills.nox_while_starting + this.kills.agent} kills, ${agents} agents, ${this.acknowledged.size} turns: ` +
          `all back ${inSeconds(settle_ms)} s after the last kill (10 s allowed; bare processes take ${inSeconds(bare_ms)} s now), at rest ${inSeconds(rest_ms)} s later`,
        violations: this.broken,
      };
    } finally {
      this.over = true;
      await this.nox.close();
      const left = livingOf(this.home).map(({ pid }) => `process ${pid} outlived Nox`);
      this.broken.push(...left);
    }
  }

  private async killing(began: number): Promise<void> {
    const { kills, minutes, say } = this.options;
    for (let n = 1; n <= kills && performance.now() - began < minutes * 60_000; n += 1) {
      await delay(50 + this.random() * 1200);
      const choice = this.random();
      if (choice < 0.35) this.killAgent();
      else if (choice < 0.85) await this.killNox();
      else await this.killNoxWhileStarting();
      if (n % 20 === 0) say(`${n} kills, ${this.acknowledged.size} turns, ${this.broken.length} violations`);
    }
  }

  private killAgent(): void {
    const living = programsOf(this.home);
    const victim = living[Math.floor(this.random() * living.length)];
    if (victim === undefined) return;
    process.kill(victim.pid, 'SIGKILL');
    this.kills.agent += 1;
  }

  private async killNox(): Promise<void> {
    await this.nox.kill('SIGKILL');
    this.kills.nox += 1;
    await this.start();
  }

  private async killNoxWhileStarting(): Promise<void> {
    await this.nox.kill('SIGKILL');
    const starting = this.nox.boot().catch(() => undefined);
    await delay(this.random() * 1500);
    await this.nox.kill('SIGKILL');
    await starting;
    this.kills.nox_while_starting += 1;
    await this.start();
  }

  private async start(): Promise<void> {
    const began = performance.now();
    await this.nox.boot();
    this.starts_ms.push(Math.round(performance.now() - began));
    const runs = new Map<string, Set<string>>();
    for (const { agent_id, run_id } of programsOf(this.home))
      runs.set(agent_id, (runs.get(agent_id) ?? new Set()).add(run_id));
    for (const [id, of_agent] of runs)
      if (of_agent.size > 1) this.broken.push(`${id} had ${of_agent.size} runs after a start`);
  }

  /** Keeps one agent busy; what Nox acknowledged is remembered. */
  private async work(id: string): Promise<void> {
    while (!this.over) {
      const word = `w${(this.prompts += 1)}w`;
      try {
        const { turn_id } = await this.nox.call('agents_prompt', {
          params: { id },
          body: { content: this.script(word), wait: false },
        });
        this.acknowledged.set(turn_id, word);
        this.open.set(id, (await this.nox.call('agents_status', { params: { id } })).queued_turns);
      } catch {
        // Nox is down, or the agent is; not acknowledged.
      }
      await delay((this.open.get(id) ?? 0) < OPEN_TURNS_PER_AGENT ? 100 + this.random() * 400 : 1000);
    }
  }

  /** Ends each with the word, so that an answer can be told from every other. */
  private script(word: string): string {
    const scripts = [
      `say ${word}`,
      `slow 10@40 x\nsay ${word}`,
      `tool Bash {"command":"echo hi"}\nsay ${word}`,
      `spawn 1\nsleep 200\nsay ${word}`,
    ];
    return scripts[Math.floor(this.random() * scripts.length)] ?? '';
  }

  /** Kills Nox once more, with work under way; answers how long it takes until every agent has its process again. */
  private async settle(): Promise<number> {
    const killed = performance.now();
    await this.killNox();
    await eventually(
      'every agent has its process again',
      async () => {
        const { agents } = await this.nox.call('agents_list', { query: { limit: this.ids.length } });
        return agents.every(({ process_state }) => process_state === 'running');
      },
      REST_LIMIT_MS,
    ).catch((error: unknown) => this.broken.push(String(error)));
    return Math.round(performance.now() - killed);
  }

  private async rest(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    const ids = [...this.acknowledged];
    await eventually(
      'rest',
      async () => {
        const statuses = await Promise.all(this.ids.map((id) => this.nox.call('agents_status', { params: { id } })));
        return statuses.every(({ status, queued_turns }) => status === 'idle' && queued_turns === 0);
      },
      REST_LIMIT_MS,
    ).catch((error: unknown) => this.broken.push(String(error)));
    for (const [id, word] of ids) {
      const turn = await this.nox.call('turns_get', { params: { id } });
      counts[turn.status] = (counts[turn.status] ?? 0) + 1;
      if (turn.status === 'queued' || turn.status === 'running') this.broken.push(`${id} is ${turn.status} at rest`);
      if (turn.status === 'complete' && !turn.text.endsWith(word)) this.broken.push(`${id} has another turn's answer`);
    }
    return counts;
  }

  /** Prompts that a conversation holds more than once. */
  private repeated(): string[] {
    const transcripts = readdirSync(this.home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
    return [...this.acknowledged].flatMap(([id, word]) => {
      const times = transcripts.reduce((sum, text) => sum + text.split(`say ${word}`).length - 1, 0);
      return times > 1 ? [`the prompt of ${id} was given ${times} times`] : [];
    });
  }
}

/** How long the same fleet takes without Nox, as many at a time: what a slow start is to be compared with. */
async function bareFleet(agents: number): Promise<number> {
  await using folder = await makeTempDir('nox-bare-');
  const [program, ...args] = FAKE_AGENT;
  const began = performance.now();
  const children: ChildProcess[] = [];
  let left = agents;
  const starter = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1;
      const env = { ...process.env, FAKE_AGENT_HOME: folder.path };
      const child = spawn(program, [...args, '--session-id', randomUUID()], { stdio: ['pipe', 'pipe', 'ignore'], env });
      children.push(child);
      const answered = once(child.stdout, 'data');
      child.stdin.write(`${JSON.stringify(INITIALIZE)}\n`);
      await within('the first word of a bare process', answered);
    }
  };
  try {
    await Promise.all(Array.from({ length: 4 }, starter));
    return Math.round(performance.now() - began);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

const INITIALIZE = { type: 'control_request', request_id: 'bare', request: { subtype: 'initialize' } };
const inSeconds = (ms: number): string => (ms / 1000).toFixed(1);
const median = (all: readonly number[]): number => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
