import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { type Breaker, CLOSED } from './breaker.js';
import type { ExitFacts, ProcessIdentity, Confinement } from './process/process-host.js';

/** The conversation that an agent goes on with. */
export interface AgentSession {
  readonly session_id: string;
  /** Whether the CLI holds a transcript of it (made at the first prompt): then `--resume`, else `--session-id`. */
  readonly has_transcript: boolean;
  readonly hibernated: boolean;
  readonly restart_count: number;
}

interface SessionRow {
  session_id: string;
  has_transcript: number;
  hibernated: number;
  restart_count: number;
}

interface RunRow {
  run_id: string;
  agent_id: string;
  boot_id: string;
  pid: number;
  start_ticks: number;
  confinement: string;
}

/**
 * What must be known after a crash of Nox: which process trees may still live, and which conversation each agent has.
 * A run is written before its process is spawned (pid 0), so that its cookie can be swept whatever happens in between.
 */
@Injectable()
export class RunStore {
  /** What `sessions` holds; asked for each time an agent is shown. */
  private readonly known = new Map<string, AgentSession | undefined>();

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  session(agent_id: string): AgentSession | undefined {
    if (!this.known.has(agent_id)) this.known.set(agent_id, this.readSession(agent_id));
    return this.known.get(agent_id);
  }

  private readSession(agent_id: string): AgentSession | undefined {
    const row = this.db.get<SessionRow>(
      'SELECT session_id, has_transcript, hibernated, restart_count FROM sessions WHERE agent_id = ?',
      agent_id,
    );
    if (row === undefined) return undefined;
    return { ...row, has_transcript: row.has_transcript === 1, hibernated: row.hibernated === 1 };
  }

  /** The agent's session; a new one when it has none, or when `fresh` is asked. */
  async openSession(agent_id: string, fresh = false): Promise<AgentSession> {
    const known = this.session(agent_id);
    if (known !== undefined && !fresh) return known;
    const session_id = randomUUID();
    await this.db.write((tx) => {
      tx.run(
        `INSERT INTO sessions (agent_id, session_id, restart_count, updated_ms) VALUES (?, ?, ?, ?)
         ON CONFLICT (agent_id) DO UPDATE SET session_id = excluded.session_id, has_transcript = 0, updated_ms = excluded.updated_ms`,
        agent_id,
        session_id,
        known?.restart_count ?? 0,
        this.clock.now(),
      );
      tx.afterCommit(() => this.known.delete(agent_id));
    });
    return { session_id, has_transcript: false, hibernated: false, restart_count: known?.restart_count ?? 0 };
  }

  /** Forgets conversation and breaker: an agent made anew under an old id starts without them. */
  async forgetSession(agent_id: string): Promise<void> {
    await this.db.write((tx) => {
      tx.run('DELETE FROM sessions WHERE agent_id = ?', agent_id);
      tx.run('DELETE FROM breakers WHERE agent_id = ?', agent_id);
      tx.afterCommit(() => this.known.delete(agent_id));
    });
  }

  async markTranscript(agent_id: string): Promise<void> {
    if (this.session(agent_id)?.has_transcript === true) return;
    await this.update(agent_id, 'has_transcript = 1');
  }

  async setHibernated(agent_id: string, hibernated: boolean): Promise<void> {
    await this.update(agent_id, `hibernated = ${hibernated ? 1 : 0}`);
  }

  async countRestart(agent_id: string): Promise<void> {
    await this.update(agent_id, 'restart_count = restart_count + 1');
  }

  /** What is known of a breaker that was not closed when Nox ended; closed else. */
  breaker(agent_id: string): Breaker {
    const row = this.db.get<{ breaker_json: string }>('SELECT breaker_json FROM breakers WHERE agent_id = ?', agent_id);
    return row === undefined ? CLOSED : (JSON.parse(row.breaker_json) as Breaker);
  }

  async saveBreaker(agent_id: string, breaker: Breaker): Promise<void> {
    await this.db.write((tx) => {
      if (breaker.state === 'closed') tx.run('DELETE FROM breakers WHERE agent_id = ?', agent_id);
      else
        tx.run(
          `INSERT INTO breakers (agent_id, breaker_json) VALUES (?, ?)
           ON CONFLICT (agent_id) DO UPDATE SET breaker_json = excluded.breaker_json`,
          agent_id,
          JSON.stringify(breaker),
        );
    });
  }

  /** Before the process is spawned. */
  async beginRun(run_id: string, agent_id: string, session_id: string): Promise<void> {
    await this.db.write((tx) =>
      tx.run(
        "INSERT INTO runs (run_id, agent_id, session_id, boot_id, pid, start_ticks, confinement, started_ms) VALUES (?, ?, ?, '', 0, 0, '', ?)",
        run_id,
        agent_id,
        session_id,
        this.clock.now(),
      ),
    );
  }

  async identifyRun(identity: ProcessIdentity): Promise<void> {
    await this.db.write((tx) =>
      tx.run(
        'UPDATE runs SET boot_id = ?, pid = ?, start_ticks = ?, confinement = ? WHERE run_id = ?',
        identity.boot_id,
        identity.pid,
        identity.start_ticks,
        identity.confinement,
        identity.run_id,
      ),
    );
  }

  async endRun(run_id: string, facts: ExitFacts | { reason: string }): Promise<void> {
    await this.db.write((tx) =>
      tx.run(
        'UPDATE runs SET ended_ms = ?, exit_json = ? WHERE run_id = ?',
        this.clock.now(),
        JSON.stringify(facts),
        run_id,
      ),
    );
  }

  /** Runs that an earlier Nox did not see the end of. */
  openRuns(): (ProcessIdentity & { agent_id: string })[] {
    return this.db
      .all<RunRow>('SELECT run_id, agent_id, boot_id, pid, start_ticks, confinement FROM runs WHERE ended_ms IS NULL')
      .map((row) => ({ ...row, confinement: row.confinement as Confinement }));
  }

  private async update(agent_id: string, assignment: string): Promise<void> {
    await this.db.write((tx) => {
      tx.run(`UPDATE sessions SET ${assignment}, updated_ms = ? WHERE agent_id = ?`, this.clock.now(), agent_id);
      tx.afterCommit(() => this.known.delete(agent_id));
    });
  }
}
