import { DefaultRestartConfig } from '../contracts/agent.js';
import type { PullProgress, ServiceConfig, ServiceStatus } from '../contracts/service.js';
import { CLEAN_SLATE, decideRestart, type RestartMemory } from '../agents/restart-policy.js';
import type { Clock } from '../shared/clock.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { McpConnection, type RawTool } from './mcp/mcp-connection.js';
import type { Opened, Opener } from './open/opener.js';

const RESTART = DefaultRestartConfig.parse({});
const PING_EVERY_MS = 30_000;
const MAX_LINES = 1000;
/** How often one that has no engine to run on looks whether there is one. */
const ENGINE_EVERY_MS = 5000;
/** Not there, and not about to come back by itself at once. */
const GONE: ReadonlySet<ServiceStatus> = new Set(['stopped', 'failed', 'removing']);

export interface InstanceWorld {
  readonly clock: Clock;
  readonly random: () => number;
  /** Called after every change of status, of tools, or of the pull. */
  readonly changed: () => void;
  readonly pulled: (progress: PullProgress) => void;
  /** Whether there is a container engine now. Never rejects. */
  readonly hasEngine: () => Promise<boolean>;
}

/**
 * One running server of a service, kept alive: opened, spoken to, watched by ping, brought back with backoff after an end
 * that nobody asked for, given up after too many. At most one server at any time.
 */
export class ServiceInstance {
  status: ServiceStatus = 'stopped';
  reason: string | null = null;
  since_ms: number;
  restarts = 0;
  pull: PullProgress | null = null;
  private connection: McpConnection | undefined;
  private opened: Opened | undefined;
  private known_tools: readonly RawTool[] = [];
  private memory: RestartMemory = CLEAN_SLATE;
  private started_ms = 0;
  private readonly lines: string[] = [];
  /** Grows with each start and stop: what an older one still does is void. */
  private generation = 0;
  private cancelTimer: () => void = () => undefined;
  private working: Promise<void> = Promise.resolve();

  constructor(
    readonly name: string,
    readonly holder: string | undefined,
    private config: ServiceConfig,
    private readonly opener: Opener,
    private readonly world: InstanceWorld,
  ) {
    this.since_ms = world.clock.now();
  }

  get live(): McpConnection | undefined {
    return this.status === 'running' || this.status === 'unhealthy' ? this.connection : undefined;
  }

  /** What it offers; while it comes back, what it offered last. */
  get tools(): readonly RawTool[] {
    return GONE.has(this.status) ? [] : (this.live?.tools ?? this.known_tools);
  }

  get container_id(): string | null {
    return this.opened?.container_id ?? null;
  }

  /** What it wrote to stderr, if it is no container. */
  get log(): readonly string[] {
    return this.lines;
  }

  /** Starts it unless it runs; resolves when the first try has ended, however. */
  async start(): Promise<void> {
    if (!['stopped', 'failed', 'pending_approval'].includes(this.status)) return this.working;
    this.memory = CLEAN_SLATE;
    this.begin();
    await this.working;
  }

  /** It may not run; said in its status. */
  refuse(reason: string): void {
    this.move('failed', reason);
  }

  /** Ends it, with its container. */
  async stop(reason: string, as: 'stopped' | 'removing' = 'stopped'): Promise<void> {
    this.generation += 1;
    this.cancelTimer();
    this.move(as === 'removing' ? 'removing' : 'stopped', reason);
    await this.working;
    await this.close();
  }

  /** With a new configuration, from nothing. */
  async restart(config: ServiceConfig, reason: string): Promise<void> {
    await this.stop(reason);
    this.config = config;
    await this.start();
  }

  /** Lets go of it without ending it. */
  leave(): void {
    this.generation += 1;
    this.cancelTimer();
    this.opened?.leave();
  }

  private begin(): void {
    this.generation += 1;
    const { generation } = this;
    this.move('starting', null);
    this.working = this.working.then(() => this.open(generation));
  }

  private async open(generation: number): Promise<void> {
    if (generation !== this.generation) return;
    const { name, holder, config } = this;
    this.started_ms = this.world.clock.now();
    let opened: Opened | undefined;
    try {
      opened = await this.opener.open({
        name,
        config,
        holder,
        onPull: (progress) => {
          this.pull = progress;
          if (this.status === 'starting') this.move('pulling', null);
          this.world.pulled(progress);
        },
        onLine: (line) => this.note(line),
      });
      const connection = await McpConnection.open(opened.transport, (error) => this.note(`[nox] ${error.message}`));
      this.pull = null;
      if (generation !== this.generation) {
        await opened.end();
        return;
      }
      this.opened = opened;
      this.connection = connection;
      this.known_tools = connection.tools;
      connection.onToolsChanged = () => {
        this.known_tools = connection.tools;
        this.world.changed();
      };
      this.move('running', null);
      const over = Promise.race([opened.ended, connection.closed.then(() => 'it closed the connection')]);
      void over.then((reason) => this.died(generation, reason));
      this.pingLater(generation);
    } catch (error) {
      await opened?.end().catch(() => undefined);
      if (generation !== this.generation) return;
      if (error instanceof NoxError && error.code === 'ENGINE_UNAVAILABLE') {
        this.move('failed', `${error.message} It starts as soon as there is one.`);
        this.awaitEngine(generation);
      } else this.fail(messageOf(error), permanent(error));
    }
  }

  /** That there is no engine is no fault of the service: it is not counted, and nobody has to start it again. */
  private awaitEngine(generation: number): void {
    this.cancelTimer = this.world.clock.after(ENGINE_EVERY_MS, () => {
      if (generation !== this.generation) return;
      void this.world.hasEngine().then((there) => {
        if (generation !== this.generation) return;
        if (there) this.begin();
        else this.awaitEngine(generation);
      });
    });
  }

  private died(generation: number, reason: string): void {
    if (generation !== this.generation) return;
    this.cancelTimer();
    this.working = this.working.then(() => this.close());
    this.fail(reason, false);
  }

  private fail(reason: string, is_permanent: boolean): void {
    const { clock, random } = this.world;
    const now_ms = clock.now();
    const decision = decideRestart({
      ...this.memory,
      config: { ...RESTART, policy: 'always' },
      exit: is_permanent ? 'configuration' : 'crash',
      ran_ms: now_ms - this.started_ms,
      now_ms,
      random: random(),
    });
    this.memory = { history: decision.history, breaker: decision.breaker };
    if (decision.action !== 'restart') {
      this.move('failed', is_permanent ? reason : `${reason}; ${decision.reason}`);
      return;
    }
    this.generation += 1;
    const { generation } = this;
    this.move('unhealthy', `${reason}; it starts again in ${Math.ceil(decision.delay_ms / 1000)} s`);
    this.cancelTimer = clock.after(decision.delay_ms, () => {
      if (generation !== this.generation) return;
      this.restarts += 1;
      this.begin();
    });
  }

  private pingLater(generation: number): void {
    this.cancelTimer = this.world.clock.after(PING_EVERY_MS, () => {
      if (generation !== this.generation || this.connection === undefined) return;
      this.connection.ping().then(
        () => {
          if (generation !== this.generation) return;
          if (this.status === 'unhealthy') this.move('running', null);
          this.pingLater(generation);
        },
        (error: unknown) => {
          if (generation !== this.generation) return;
          if (this.status === 'unhealthy') this.died(generation, `it answers no ping (${messageOf(error)})`);
          else {
            this.move('unhealthy', `it did not answer a ping: ${messageOf(error)}`);
            this.pingLater(generation);
          }
        },
      );
    });
  }

  private async close(): Promise<void> {
    const { connection, opened } = this;
    this.connection = undefined;
    this.opened = undefined;
    await connection?.close().catch((error: unknown) => this.note(`[nox] ${messageOf(error)}`));
    await opened?.end().catch((error: unknown) => this.note(`[nox] it could not be ended: ${messageOf(error)}`));
  }

  private note(line: string): void {
    this.lines.push(line);
    if (this.lines.length > MAX_LINES) this.lines.splice(0, this.lines.length - MAX_LINES);
  }

  private move(status: ServiceStatus, reason: string | null): void {
    this.status = status;
    this.reason = reason;
    this.since_ms = this.world.clock.now();
    this.world.changed();
  }
}

/** Trying again does not help against a wrong configuration. */
const permanent = (error: unknown): boolean =>
  error instanceof NoxError && (error.code === 'VALIDATION_ERROR' || error.code === 'AGENT_START_FAILED');
