import { Inject, Injectable } from '@nestjs/common';
import { hostname } from 'node:os';
import { AgentsService } from '../agents/agents.service.js';
import { GateProof } from '../agents/canary/gate-proof.js';
import { ClaudeLocator } from '../agents/claude-locator.js';
import { EmergencyLatch } from '../agents/emergency-latch.js';
import { Fleet } from '../agents/fleet.js';
import { ModelEndpoint } from '../agents/model-endpoint.js';
import { type ConfineMode, ProcessHost } from '../agents/process/process-host.js';
import { ApprovalsService } from '../approvals/approvals.service.js';
import { MessagesService } from '../broker/messages.service.js';
import type { Actor } from '../contracts/auth.js';
import type { ComponentHealth, ModelMode, SystemStatus } from '../contracts/system.js';
import type { RouteReply } from '../contracts/routes.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { ServicesService } from '../services/services.service.js';
import { Clock } from '../shared/clock.js';
import { messageOf } from '../shared/nox-error.js';
import { VERSION } from '../shared/version.js';

type Word = ComponentHealth['status'];

const ok = (detail: string): ComponentHealth => ({ status: 'ok', detail });
const degraded = (detail: string): ComponentHealth => ({ status: 'degraded', detail });

/** The worst of all components. */
export function overall(components: Iterable<ComponentHealth>): Word {
  const words = new Set([...components].map((component) => component.status));
  return words.has('failed') ? 'failed' : words.has('degraded') ? 'degraded' : 'ok';
}

/** How Nox itself is. */
@Injectable()
export class SystemService {
  private readonly started_ms: number;

  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Fleet) private readonly fleet: Fleet,
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(ClaudeLocator) private readonly claude: ClaudeLocator,
    @Inject(GateProof) private readonly gate: GateProof,
    @Inject(ModelEndpoint) private readonly model: ModelEndpoint,
    @Inject(ProcessHost) private readonly host: ProcessHost,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(EmergencyLatch) private readonly emergency: EmergencyLatch,
    @Inject(MessagesService) private readonly messages: MessagesService,
    @Inject(ServicesService) private readonly services: ServicesService,
  ) {
    this.started_ms = clock.now();
  }

  /** For everybody, so it tells only that Nox serves, and whether agents may start. */
  health(): RouteReply<'health'> {
    const { state } = this.gate.view();
    const status = state === 'refused' ? 'failed' : 'ok';
    return { status, version: VERSION, uptime_s: this.uptime_s(), gate: state, queue: this.messages.queue() };
  }

  async status(): Promise<SystemStatus> {
    const components = await this.components();
    const states = this.fleet.all().map((supervisor) => supervisor.process_state);
    const wanted = [...this.registry.agents().values()].filter((agent) => agent.desired_state === 'active');
    return {
      status: overall(Object.values(components)),
      version: VERSION,
      server_name: hostname(),
      started_at: this.clock.iso(this.started_ms),
      uptime_s: this.uptime_s(),
      components,
      agents: {
        total: this.registry.agents().size,
        active: wanted.length,
        running: states.filter((state) => state === 'running').length,
        failed: states.filter((state) => state === 'failed').length,
      },
      approvals_pending: this.approvals.pendingCount(),
      emergency_stop: this.emergency.state(),
      last_seq: this.events.lastSeq(),
      model: { mode: this.model.mode(), demo: this.model.isDemo(), detail: this.modelDetail() },
      process: { rss_bytes: process.memoryUsage.rss(), pid: process.pid },
    };
  }

  config(): RouteReply<'system_config'> {
    return this.registry.config();
  }

  /** Changes the model of all Claude agents and restarts those that live. */
  async useModel(mode: ModelMode, actor: Actor): Promise<SystemStatus> {
    const before = this.model.mode();
    await this.model.use(mode, actor);
    if (before !== mode) await this.agents.restartAll(`model changed to ${mode} by ${actor.name}`);
    return this.status();
  }

  private async components(): Promise<Record<string, ComponentHealth>> {
    const [claude_cli, registry, containers] = await Promise.all([
      this.claudeHealth(),
      this.registryHealth(),
      this.containerHealth(),
    ]);
    const isolation = this.isolation(this.registry.config().agents.confine);
    const stopped = this.emergency.reason();
    return {
      claude_cli,
      registry,
      remote_backup: this.remoteHealth(),
      broker: this.messages.health(),
      journal: ok(`${this.events.lastSeq()} events stored`),
      emergency_stop: stopped === undefined ? ok('not in force') : degraded(stopped),
      approval_gate: this.gateHealth(),
      process_isolation: isolation,
      containers,
      resource_limits: ok(this.fleet.resources.describe()),
    };
  }

  private gateHealth(): ComponentHealth {
    const { state, detail, tried } = this.gate.view();
    if (state === 'refused') return { status: 'failed', detail };
    return state === 'unproven' && tried > 0 ? degraded(detail) : ok(detail);
  }

  private async containerHealth(): Promise<ComponentHealth> {
    const engine = await this.services.neededEngine();
    if (engine === undefined) return ok('no service needs an engine');
    return engine.available ? ok(`engine ${engine.version ?? '?'}`) : degraded(engine.reason ?? 'no engine');
  }

  private isolation(confine: ConfineMode): ComponentHealth {
    const promise = this.host.describe(confine);
    if (this.host.confinement(confine) === 'pid-namespace') return ok(promise);
    if (confine === 'off') return degraded(`agents.confine is "off". ${promise}`);
    if (confine === 'require') {
      const detail = 'agents.confine is "require", but this machine allows no namespaces: no agent starts.';
      return { status: 'failed', detail };
    }
    return degraded(promise);
  }

  private async claudeHealth(): Promise<ComponentHealth> {
    try {
      const { path, version, warning } = await this.claude.locate();
      return warning === null ? ok(`${version ?? 'unknown version'} at ${path}`) : degraded(warning);
    } catch (error) {
      return degraded(messageOf(error));
    }
  }

  private async registryHealth(): Promise<ComponentHealth> {
    try {
      const { invalid, head } = await this.registry.status();
      const [first] = invalid;
      if (first !== undefined)
        return degraded(`${first.file} is not valid, the last good version is in force: ${first.message}`);
      return ok(head === null ? 'no commit yet' : `at ${head.slice(0, 10)}`);
    } catch (error) {
      return { status: 'failed', detail: messageOf(error) };
    }
  }

  private remoteHealth(): ComponentHealth {
    const { state, detail } = this.registry.remote.status();
    return state === 'failed' || state === 'diverged' ? degraded(`${state}: ${detail}`) : ok(`${state}: ${detail}`);
  }

  private modelDetail(): string {
    if (this.model.mode() === 'claude') return 'Agents use your own Claude login or API key.';
    return this.model.isDemo()
      ? 'The Claude CLI has no login here, so Nox runs in demo mode: a scripted model answers. Switch with "nox model use claude".'
      : 'A scripted model answers. Switch with "nox model use claude".';
  }

  private uptime_s(): number {
    return Math.round((this.clock.now() - this.started_ms) / 1000);
  }
}
