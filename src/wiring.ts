import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PinoLogger } from 'nestjs-pino';
import { AgentsReconciler } from './agents/agents-reconciler.js';
import { ClaudeLocator } from './agents/claude-locator.js';
import { Fleet } from './agents/fleet.js';
import { UsageLedger } from './agents/limits/usage-ledger.js';
import { LogBook } from './agents/log-book.js';
import { canLogIn } from './agents/login-probe.js';
import { ModelEndpoint } from './agents/model-endpoint.js';
import { ProcessHost } from './agents/process/process-host.js';
import { ClaudeRuntime } from './agents/runtime/claude/claude-runtime.js';
import { Surroundings } from './agents/surroundings.js';
import { Ledger } from './approvals/ledger/ledger.service.js';
import { AttentionService } from './approvals/attention/attention.service.js';
import { ApprovalsService } from './approvals/approvals.service.js';
import { DeliveryService } from './broker/delivery/delivery.service.js';
import { HandoverService } from './broker/handover.service.js';
import { BrokerService } from './broker/broker.service.js';
import { MessagesService } from './broker/messages.service.js';
import type { RegistryCommit } from './contracts/registry.js';
import { EventLog } from './events/event-log.js';
import { RegistryService } from './registry/registry.service.js';
import { Installer } from './services/installer.js';
import { ServicesService } from './services/services.service.js';
import { SessionsService } from './sessions/sessions.service.js';
import { SpendBook } from './sessions/spend-book.js';
import { TurnRecorder } from './sessions/turn-recorder.js';
import { Clock } from './shared/clock.js';
import { StateDb } from './shared/db/state-db.js';
import { messageOf } from './shared/nox-error.js';
import { WorkBacklog } from './tasks/backlog.js';
import { Delegations } from './tasks/delegations.js';
import { DropFolder } from './tasks/drop-folder.js';
import { TaskBook } from './tasks/task-book.js';
import { TaskMail } from './tasks/task-mail.js';
import { TaskImports } from './tasks/task-import.js';
import { TaskRunner } from './tasks/task-runner.js';
import { TaskWatcher } from './tasks/task-watcher.js';
import { VERSION } from './shared/version.js';
import { ToolboxService } from './toolbox/toolbox.service.js';

const DAY_MS = 86_400_000;

/** Gives the lower floors the handlers by which they call up. */
export function wire(app: NestFastifyApplication): void {
  const log = PinoLogger.root;
  const warn = (message: string, fields: object): void => log.warn(fields, message);
  const events = app.get(EventLog);
  const registry = app.get(RegistryService);
  const fleet = app.get(Fleet);
  const sessions = app.get(SessionsService);

  const onListenerError = (error: unknown): void => log.error({ err: error }, 'a listener failed');
  events.onListenerError = onListenerError;
  app.get(StateDb).onListenerError = onListenerError;
  app.get(LogBook).onError = (message) => log.error(message);
  fleet.observer = sessions;
  fleet.warn = warn;
  sessions.warn = warn;
  app.get(TurnRecorder).warn = warn;
  app.get(ServicesService).warn = warn;
  app.get(TaskRunner).warn = warn;
  app.get(TaskWatcher).warn = warn;
  app.get(DropFolder).warn = warn;
  app.get(Delegations).warn = warn;
  app.get(TaskMail).warn = warn;
  const ledger = app.get(UsageLedger);
  ledger.warn = warn;
  ledger.spent = (id, days) => app.get(SpendBook).days(id, days);
  fleet.resources.onSample = (id, step) => ledger.add(id, step);
  app.get(BrokerService).warn = warn;
  fleet.toolsOf = (agent_id) =>
    app.get(ServicesService).pipes.serversFor(agent_id, [app.get(ToolboxService).serverFor(agent_id)]);
  sessions.mail = app.get(DeliveryService);
  app.get(HandoverService).onAvailable((agent_id, what) => sessions.nudge(agent_id, what));
  registry.reconciler = app.get(AgentsReconciler);
  registry.transfer.tasks = app.get(TaskImports);
  const tellCommit = (commit: RegistryCommit): void => {
    events
      .append('registry.committed', { commit })
      .catch((error: unknown) =>
        warn('a commit is in git but not among the events', { hash: commit.hash, reason: messageOf(error) }),
      );
  };
  registry.opening_commits.forEach(tellCommit);
  registry.onCommit(tellCommit);
  app.get(ApprovalsService).backlog = app.get(WorkBacklog);
  const approvals_ledger = app.get(Ledger);
  registry.record.anchor = () => approvals_ledger.head();
  approvals_ledger.anchors = () => registry.anchors();
  let policy = registry.policy().version;
  registry.onCommit(() => {
    const { version } = registry.policy();
    if (version === policy) return;
    policy = version;
    app
      .get(ApprovalsService)
      .reconsider()
      .catch((error: unknown) =>
        warn('waiting requests could not be judged by the new policy', { reason: messageOf(error) }),
      );
  });
  registry.onRolledBack((rollback) => {
    events
      .append('registry.rolled_back', rollback)
      .catch((error: unknown) => warn('an event was not stored', { reason: messageOf(error) }));
  });
  registry.onNews(({ type, payload }) => {
    events
      .append(type, payload)
      .catch((error: unknown) => warn('an event was not stored', { reason: messageOf(error) }));
  });
  registry.onInvalid(({ file, message, line, field }) => {
    log.warn({ file, reason: message }, 'a registry file is not valid');
    events
      .append('registry.invalid', { file, message, line, field })
      .catch((error: unknown) => warn('an event was not stored', { reason: messageOf(error) }));
  });
}

/** Puts everything where an earlier Nox left it. When it resolves, requests may come; agents are still starting. */
export async function startWork(app: NestFastifyApplication): Promise<void> {
  await app.get(ProcessHost).ready();
  await app.get(TurnRecorder).start();
  await app.get(ApprovalsService).recover();
  await app.get(UsageLedger).start();
  await app.get(Fleet).recover();
  await app.get(SessionsService).recover();
  app.get(ServicesService).start();
  app.get(Installer).start();
  await app.get(BrokerService).start();
  await app.get(DeliveryService).recover();
  for (const id of app.get(RegistryService).agents().keys()) app.get(SessionsService).nudge(id);
  await app.get(TaskBook).start();
  await app.get(Delegations).start();
  app.get(TaskRunner).start();
  await Promise.all([app.get(TaskWatcher).start(), app.get(DropFolder).start(), app.get(RegistryService).watch()]);
  await app.get(AttentionService).start();
  await app.get(EventLog).append('system.started', { version: VERSION });
  app.get(RegistryService).remote.start();
  app.get(RegistryService).care.start();
  decideModel(app);
  pruneDaily(app);
}

function decideModel(app: NestFastifyApplication): void {
  const log = PinoLogger.root;
  const ask = () =>
    canLogIn(app.get(ClaudeRuntime), app.get(ClaudeLocator), app.get(Surroundings), app.get(RegistryService).config());
  app
    .get(ModelEndpoint)
    .decideOnce(ask, (demo) => {
      if (demo)
        log.warn(
          'DEMO MODE: the Claude CLI has no login here, so a scripted model answers. Switch with: nox model use claude',
        );
    })
    .catch((error: unknown) =>
      log.warn(
        { reason: messageOf(error) },
        'whether the CLI can log in is not known; it is asked again at the next start',
      ),
    );
}

function pruneDaily(app: NestFastifyApplication): void {
  const log = PinoLogger.root;
  const clock = app.get(Clock);
  const prune = async (): Promise<void> => {
    const { events_days, logs_days } = app.get(RegistryService).config().retention;
    const [events, lines, messages] = await Promise.all([
      app.get(EventLog).prune(events_days),
      app.get(LogBook).prune(logs_days),
      app.get(MessagesService).prune(events_days),
    ]);
    if (events + lines + messages > 0) log.info({ events, lines, messages }, 'old rows pruned');
  };
  const next = (): void => {
    prune().catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'old rows were not pruned'));
    clock.after(DAY_MS, next);
  };
  clock.after(60_000, next);
}
