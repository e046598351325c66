import { type DynamicModule, Global, Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { AgentsController } from './agents/agents.controller.js';
import { AgentsReconciler } from './agents/agents-reconciler.js';
import { AgentsService } from './agents/agents.service.js';
import { GateProof } from './agents/canary/gate-proof.js';
import { ClaudeLocator } from './agents/claude-locator.js';
import { EmergencyLatch } from './agents/emergency-latch.js';
import { Fleet } from './agents/fleet.js';
import { Launcher } from './agents/launcher.js';
import { ResourcesController } from './agents/limits/resources.controller.js';
import { UsageLedger } from './agents/limits/usage-ledger.js';
import { LogBook } from './agents/log-book.js';
import { LogsController } from './agents/logs.controller.js';
import { ModelEndpoint } from './agents/model-endpoint.js';
import { RelationshipsController } from './agents/relationships.controller.js';
import { RelationshipsService } from './agents/relationships.service.js';
import { RunStore } from './agents/run-store.js';
import { SpawnLimits } from './agents/spawn-limits.service.js';
import { Transcripts } from './agents/transcripts.js';
import { ApprovalsController } from './approvals/approvals.controller.js';
import { ApprovalsService } from './approvals/approvals.service.js';
import { AttentionService } from './approvals/attention/attention.service.js';
import { NoticesController } from './approvals/attention/notices.controller.js';
import { ApprovalGate } from './approvals/gate.js';
import { LedgerController } from './approvals/ledger/ledger.controller.js';
import { Ledger } from './approvals/ledger/ledger.service.js';
import { LinksController } from './approvals/links/links.controller.js';
import { LinksService } from './approvals/links/links.service.js';
import { PolicyJudge } from './approvals/policy/judge.js';
import { PolicyController } from './approvals/policy/policy.controller.js';
import { PolicyService } from './approvals/policy/policy.service.js';
import { AuthModule } from './auth/auth.module.js';
import { BrokerService } from './broker/broker.service.js';
import { DeliveryService } from './broker/delivery/delivery.service.js';
import { HandoverService } from './broker/handover.service.js';
import { MessageBook } from './broker/message-book.js';
import { MessageTimers } from './broker/message-timers.js';
import { MessagesController } from './broker/messages.controller.js';
import { MessagesService } from './broker/messages.service.js';
import { SubscriptionsService } from './broker/subscriptions.service.js';
import { EventLog } from './events/event-log.js';
import { type Foundations, foundations } from './foundations.js';
import { settings } from './port-settings.js';
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
import { TurnRecorder } from './sessions/turn-recorder.js';
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
        ...settings(given),
        EventLog,
        ApprovalsService,
        LinksService,
        AttentionService,
        PolicyJudge,
        PolicyService,
        Ledger,
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
        AgentsReconciler,
        AgentsService,
        RelationshipsService,
        SpawnLimits,
        TurnStore,
        HoldBook,
        SpendBook,
        TurnRecorder,
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
      ],
      exports: [Clock, StateDb, RegistryService, OriginGuard, EventLog, SnapshotSource],
    };
  }
}
