import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import { join } from 'node:path';
import { LoggerModule } from 'nestjs-pino';
import { AgentsController } from './agents/agents.controller.js';
import { AgentsService } from './agents/agents.service.js';
import { GateProof } from './agents/canary/gate-proof.js';
import { ClaudeLocator } from './agents/claude-locator.js';
import { EmergencyLatch } from './agents/emergency-latch.js';
import { Fleet } from './agents/fleet.js';
import { Launcher } from './agents/launcher.js';
import { ResourcesController } from './agents/limits/resources.controller.js';
import { UsageLedger } from './agents/limits/usage-ledger.js';
import { LogBook } from './agents/log-book.js';
import { claudeHome } from './agents/runtime/claude/claude-home.js';
import { LogsController } from './agents/logs.controller.js';
import { ModelEndpoint } from './agents/model-endpoint.js';
import { createProcessHost } from './agents/process/native-process-host.js';
import { ProcessHost } from './agents/process/process-host.js';
import { RelationshipsController } from './agents/relationships.controller.js';
import { RelationshipsService } from './agents/relationships.service.js';
import { RunStore } from './agents/run-store.js';
import { ClaudeRuntime } from './agents/runtime/claude/claude-runtime.js';
import { CommandRuntime } from './agents/runtime/command/command-runtime.js';
import { SpawnLimits } from './agents/spawn-limits.service.js';
import { Surroundings } from './agents/surroundings.js';
import { Transcripts } from './agents/transcripts.js';
import { ApprovalsController } from './approvals/approvals.controller.js';
import { ApprovalsService } from './approvals/approvals.service.js';
import { AttentionService, AttentionSettings } from './approvals/attention/attention.service.js';
import { NoticesController } from './approvals/attention/notices.controller.js';
import { ApprovalGate } from './approvals/gate.js';
import { LedgerController } from './approvals/ledger/ledger.controller.js';
import { Ledger } from './approvals/ledger/ledger.service.js';
import { LinksController } from './approvals/links/links.controller.js';
import { LinkSettings, LinksService } from './approvals/links/links.service.js';
import { PolicyJudge } from './approvals/policy/judge.js';
import { PolicyController } from './approvals/policy/policy.controller.js';
import { PolicyService } from './approvals/policy/policy.service.js';
import { ApprovalHistory, ApprovalSettings, PolicySource } from './approvals/ports.js';
import { AuthService } from './auth/auth.service.js';
import { JwtKeys } from './auth/jwt-keys.js';
import { AuthModule } from './auth/auth.module.js';
import { BrokerPort } from './broker/broker-port.js';
import { BrokerService } from './broker/broker.service.js';
import { createBroker } from './broker/create-broker.js';
import { DeliveryService } from './broker/delivery/delivery.service.js';
import { HandoverService } from './broker/handover.service.js';
import { MessageBook } from './broker/message-book.js';
import { MessageTimers } from './broker/message-timers.js';
import { MessagesController } from './broker/messages.controller.js';
import { MessagesService } from './broker/messages.service.js';
import { SubscriptionsService } from './broker/subscriptions.service.js';
import { EventLog } from './events/event-log.js';
import { BranchesController } from './registry/branches.controller.js';
import { RegistryController } from './registry/registry.controller.js';
import { RegistryService } from './registry/registry.service.js';
import { Installer } from './services/installer.js';
import { ServicesController } from './services/services.controller.js';
import { ServicesService } from './services/services.service.js';
import { HoldBook } from './sessions/hold-book.js';
import { QuotaService } from './sessions/quota.service.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { SessionsService } from './sessions/sessions.service.js';
import { SpendBook } from './sessions/spend-book.js';
import { TurnStore } from './sessions/turn-store.js';
import { UsageController } from './sessions/usage.controller.js';
import { Clock } from './shared/clock.js';
import { StateDb } from './shared/db/state-db.js';
import { OriginGuard } from './shared/http/origin-guard.js';
import { logOptions } from './shared/log-options.js';
import { RealtimeModule } from './realtime/realtime.module.js';
import { SnapshotSource } from './realtime/snapshot-source.js';
import { VERSION } from './shared/version.js';
import { EffectLedger } from './toolbox/effects.js';
import { McpController } from './toolbox/mcp.controller.js';
import { Memory } from './toolbox/memory.js';
import { ServiceList } from './toolbox/service-list.js';
import { StormBreaker } from './toolbox/storm-breaker.js';
import { ToolboxService } from './toolbox/toolbox.service.js';
import { ToolHandlers } from './toolbox/tools.js';
import { BackupController } from './system/backup/backup.controller.js';
import { BackupService } from './system/backup/backup.service.js';
import { EmergencyController } from './system/emergency.controller.js';
import { EmergencyService } from './system/emergency.service.js';
import { OpenApiModule } from './system/openapi.controller.js';
import { Acceptance } from './tasks/acceptance.js';
import { WorkBacklog } from './tasks/backlog.js';
import { Delegations } from './tasks/delegations.js';
import { DropFolder } from './tasks/drop-folder.js';
import { TaskBook } from './tasks/task-book.js';
import { LogFollower } from './tasks/log-follower.js';
import { TaskMail } from './tasks/task-mail.js';
import { TaskRights } from './tasks/task-rights.js';
import { TaskImports } from './tasks/task-import.js';
import { TaskRunner } from './tasks/task-runner.js';
import { TaskWatcher } from './tasks/task-watcher.js';
import { TasksController } from './tasks/tasks.controller.js';
import { TasksService } from './tasks/tasks.service.js';
import { SystemController } from './system/system.controller.js';
import { SystemService } from './system/system.service.js';

/** What is opened before Nest is: it may fail with a word to the person at the terminal. */
export interface Foundations {
  readonly clock: Clock;
  readonly db: StateDb;
  readonly registry: RegistryService;
  readonly surroundings: Surroundings;
  readonly guard: OriginGuard;
  readonly log_level: string;
  /** What a reference of the registry's files stands for. */
  readonly secret: (reference: string) => Promise<string>;
  /** Where browsers reach this Nox. */
  readonly public_url: () => string;
}

const foundations = ({ clock, db, registry, surroundings, guard }: Foundations): Provider[] => [
  { provide: Clock, useValue: clock },
  { provide: StateDb, useValue: db },
  { provide: RegistryService, useValue: registry },
  { provide: Surroundings, useValue: surroundings },
  { provide: OriginGuard, useValue: guard },
  { provide: ProcessHost, useFactory: createProcessHost },
  {
    provide: ApprovalSettings,
    useValue: {
      ask_expires_after_s: () =>
        registry.policy().policy.defaults.ask_expires_after_s ?? registry.config().approvals.ask_expires_after_s,
      attention: () => registry.config().attention,
      park_after_s: () => registry.policy().policy.defaults.park_after_s ?? registry.config().approvals.park_after_s,
      undo_s: () => registry.config().approvals.undo_s,
      critical_needs: () => registry.policy().policy.defaults.critical_needs ?? 1,
    } satisfies ApprovalSettings,
  },
  {
    provide: ApprovalHistory,
    useValue: { append: (approval) => registry.record.appendApproval(approval) } satisfies ApprovalHistory,
  },
  {
    provide: ClaudeRuntime,
    useFactory: (host: ProcessHost, locator: ClaudeLocator) =>
      new ClaudeRuntime(host, { findClaude: () => locator.locate(), clock }),
    inject: [ProcessHost, ClaudeLocator],
  },
  { provide: BrokerPort, useFactory: () => createBroker(surroundings.env, db, clock) },
  { provide: CommandRuntime, useFactory: (host: ProcessHost) => new CommandRuntime(host), inject: [ProcessHost] },
];

/** The whole application, as a list. */
@Global()
@Module({})
export class AppModule {
  static on(given: Foundations): DynamicModule {
    return {
      module: AppModule,
      imports: [
        LoggerModule.forRoot(logOptions(given.log_level)),
        AuthModule.register({ home: given.surroundings.home, settings: () => given.registry.config().auth }),
        RealtimeModule,
        OpenApiModule.register(VERSION),
      ],
      controllers: [
        AgentsController,
        LogsController,
        ResourcesController,
        RelationshipsController,
        SessionsController,
        UsageController,
        ApprovalsController,
        LinksController,
        NoticesController,
        PolicyController,
        LedgerController,
        MessagesController,
        McpController,
        TasksController,
        RegistryController,
        ServicesController,
        BranchesController,
        SystemController,
        BackupController,
        EmergencyController,
      ],
      providers: [
        ...foundations(given),
        EventLog,
        ApprovalsService,
        LinksService,
        {
          provide: LinkSettings,
          inject: [AuthService, JwtKeys],
          useFactory: (auth: AuthService, keys: JwtKeys): LinkSettings => ({
            key: () => keys.derived('approval links'),
            roleOf: (name) => auth.listUsers().find(({ username }) => username === name)?.role,
            public_url: () => given.public_url(),
            max_risk: () => given.registry.config().attention.link_max_risk,
          }),
        },
        AttentionService,
        {
          provide: AttentionSettings,
          useValue: {
            attention: () => given.registry.config().attention,
            secret: (reference) => given.secret(reference),
          } satisfies AttentionSettings,
        },
        PolicyJudge,
        PolicyService,
        Ledger,
        {
          provide: PolicySource,
          inject: [SpendBook],
          useFactory: (spent: SpendBook): PolicySource => ({
            current: () => given.registry.policy(),
            agent: (id) => ({
              capabilities: given.registry.agents().get(id)?.capabilities ?? [],
              spent_usd: spent.today(id).usd,
              permissions: given.registry.agents().get(id)?.permissions,
              plans: join(claudeHome(given.surroundings.env), 'plans'),
            }),
          }),
        },
        ClaudeLocator,
        GateProof,
        ModelEndpoint,
        Launcher,
        RunStore,
        Transcripts,
        LogBook,
        EmergencyLatch,
        Fleet,
        UsageLedger,
        AgentsService,
        RelationshipsService,
        SpawnLimits,
        TurnStore,
        HoldBook,
        SpendBook,
        QuotaService,
        SessionsService,
        ServicesService,
        Installer,
        { provide: ApprovalGate, useExisting: ApprovalsService },
        MessageBook,
        SubscriptionsService,
        MessagesService,
        HandoverService,
        DeliveryService,
        Memory,
        ServiceList,
        ToolHandlers,
        EffectLedger,
        StormBreaker,
        ToolboxService,
        MessageTimers,
        BrokerService,
        TaskBook,
        WorkBacklog,
        Acceptance,
        TaskRights,
        LogFollower,
        TaskMail,
        Delegations,
        TaskImports,
        TaskRunner,
        TaskWatcher,
        TasksService,
        DropFolder,
        SystemService,
        BackupService,
        EmergencyService,
        {
          provide: SnapshotSource,
          inject: [AgentsService, ApprovalsService],
          useFactory: (agents: AgentsService, approvals: ApprovalsService): SnapshotSource => ({
            agents: () => agents.all(),
            approvals: () => approvals.list({ status: 'pending', page: 1, limit: 500 }).approvals,
          }),
        },
      ],
      exports: [Clock, StateDb, RegistryService, OriginGuard, EventLog, SnapshotSource],
    };
  }
}
