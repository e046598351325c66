import { Inject, Injectable } from '@nestjs/common';
import type { GateView } from '../../contracts/system.js';
import { EventLog } from '../../events/event-log.js';
import { RegistryService } from '../../registry/registry.service.js';
import { Clock } from '../../shared/clock.js';
import { messageOf, NoxError } from '../../shared/nox-error.js';
import { buildAgentEnv } from '../agent-env.js';
import { ClaudeLocator } from '../claude-locator.js';
import { controlsOf } from '../process/controls.js';
import { ProcessHost } from '../process/process-host.js';
import { Surroundings } from '../surroundings.js';
import { runCanary } from './canary.js';
import { proofsFolder } from './proofs-folder.js';
import { type Proof, ProofStore, type ProofSubject } from './proof-store.js';
import { subjectOf } from './subject.js';
import { verdictOf, WAY_COUNT, type WayResult } from './ways.js';

/** How long a failed proof stands before a start tries anew. */
const RETRY_MS = 30_000;

const REMEDY =
  'No agent starts with it. Install a version that Nox supports ("npm install -g @anthropic-ai/claude-code"), or set NOX_CLAUDE_PATH to one, then start the agent again; "nox gate prove" tries once more.';

/**
 * No agent is started with a Claude CLI that has not been seen to hold a tool call back when the gate breaks. Each binary
 * is proven once, when the first agent wants to start; starts wait for that. Fails closed: what cannot be proven, whatever
 * the reason, is not used.
 */
@Injectable()
export class GateProof {
  private readonly store: ProofStore;
  private proven: string | undefined;
  private running: { key: string; done: Promise<void> } | undefined;
  private failure: { key: string; error: NoxError; at_ms: number } | undefined;
  private last: GateView = {
    state: 'unproven',
    detail: 'Not tried yet: the first start of an agent tries the Claude CLI, which takes some seconds.',
    version: null,
    binary_sha256: null,
    proven_at: null,
    tried: 0,
    ways: WAY_COUNT,
    failed: [],
  };

  constructor(
    @Inject(ClaudeLocator) private readonly locator: ClaudeLocator,
    @Inject(ProcessHost) private readonly host: ProcessHost,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Surroundings) private readonly around: Surroundings,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    this.store = new ProofStore(proofsFolder(around));
  }

  view(): GateView {
    return this.last;
  }

  /** Resolves when the CLI in use is proven. Rejects with GATE_UNPROVEN, or CLAUDE_CLI_UNAVAILABLE. */
  async assertProven(): Promise<void> {
    const { path, version } = await this.locator.locate();
    const subject = await subjectOf(path, this.env());
    const key = Object.values(subject).join(' ');
    if (this.proven === key) return;
    const { failure } = this;
    if (failure?.key === key && this.clock.now() - failure.at_ms < RETRY_MS) throw failure.error;
    if (this.running?.key !== key) {
      // One after another: they would take each other's processor time.
      const before = this.running?.done.catch(() => undefined) ?? Promise.resolve();
      const done = before.then(() => this.prove(path, version, subject, key));
      this.running = { key, done };
      done
        .catch(() => undefined) // whoever waits for it is told
        .finally(() => {
          if (this.running?.done === done) this.running = undefined;
        });
    }
    await this.running.done;
    // What is started is what is there now, which need not be what was tried.
    return this.assertProven();
  }

  /** A person wants to see it tried again, whatever was found before. */
  async proveAgain(): Promise<GateView> {
    const { path } = await this.locator.locate();
    const subject = await subjectOf(path, this.env());
    await this.running?.done.catch(() => undefined);
    await this.store.remove(subject);
    this.proven = undefined;
    this.failure = undefined;
    await this.assertProven().catch((error: unknown) => {
      if (!(error instanceof NoxError) || error.code !== 'GATE_UNPROVEN') throw error;
    });
    return this.last;
  }

  private async prove(path: string, version: string | null, subject: ProofSubject, key: string): Promise<void> {
    const about = { version, binary_sha256: subject.binary_sha256, ways: WAY_COUNT };
    const old = await this.store.read(subject);
    if (old !== undefined) return this.hold(key, old, about);
    const name = `Claude CLI ${version ?? 'of unknown version'}`;
    const show = (tried: number): void => {
      const detail = `${name} is being tried: ${tried} of ${WAY_COUNT} ways. Agents start afterwards.`;
      this.last = { ...about, state: 'proving', detail, proven_at: null, tried, failed: [] };
    };
    show(0);
    await this.events.append('system.gate_checked', { gate: this.last });
    let results: WayResult[];
    try {
      results = await this.try(path, () => show(this.last.tried + 1));
      if (Object.values(await subjectOf(path, this.env())).join(' ') !== key)
        throw new Error('the CLI was changed while it was tried');
    } catch (error) {
      results = [{ way: 'all', outcome: 'unclear', detail: messageOf(error) }];
    }
    const verdict = verdictOf(results);
    if (verdict === 'held') {
      const proof: Proof = {
        schema_version: 1,
        ...subject,
        proven_at: this.clock.iso(),
        ways: results.map(({ way }) => way),
      };
      // A disk that refuses the proof costs the next start of Nox another trial, not this one.
      this.hold(key, proof, about);
      await this.store.write(proof);
    } else {
      const failed = results.filter(({ outcome }) => outcome === (verdict === 'ran' ? 'ran' : 'unclear'));
      const ways = failed.map(({ way }) => way).join('; ');
      const detail =
        verdict === 'ran'
          ? `${name} ran a tool call that nobody had allowed, when the gate was broken this way: ${ways}. ${REMEDY}`
          : `${name} could not be proven to hold tool calls back (${ways}: ${failed[0]?.detail ?? 'unknown'}). ${REMEDY}`;
      const state = verdict === 'ran' ? ('refused' as const) : ('unproven' as const);
      const tried = results.length;
      this.last = { ...about, state, detail, proven_at: null, tried, failed: failed.map(told) };
      this.failure = { key, error: new NoxError('GATE_UNPROVEN', detail), at_ms: this.clock.now() };
    }
    await this.events.append('system.gate_checked', { gate: this.last });
    if (this.failure?.key === key) throw this.failure.error;
  }

  private hold(key: string, { proven_at }: Proof, about: Pick<GateView, 'version' | 'binary_sha256' | 'ways'>): void {
    this.proven = key;
    this.failure = undefined;
    const detail = `Claude CLI ${about.version ?? 'of unknown version'} held every call back in ${WAY_COUNT} ways of breaking the gate.`;
    this.last = { ...about, state: 'proven', detail, proven_at, tried: WAY_COUNT, failed: [] };
  }

  private try(path: string, onResult: () => void): Promise<WayResult[]> {
    const { home, registry, env: nox_env } = this.around;
    const { confine: mode } = this.registry.config().agents;
    return runCanary(
      this.host,
      this.clock,
      {
        path,
        env: this.env(),
        confine: (cwd, env) => controlsOf({ mode, home, registry, nox_env, env, cwd }),
      },
      onResult,
    );
  }

  /** As every agent has it, without what is an agent's own. */
  private env(): Record<string, string> {
    return buildAgentEnv({
      nox_env: this.around.env,
      config: this.registry.config().claude_cli,
      agent_env: {},
      model_env: {},
      agent_id: 'gate-canary',
    });
  }
}

const told = ({ way, detail }: WayResult): { way: string; detail: string } => ({ way, detail });
