import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PinoLogger } from 'nestjs-pino';
import { Fleet } from './agents/fleet.js';
import { UsageLedger } from './agents/limits/usage-ledger.js';
import { ModelEndpoint } from './agents/model-endpoint.js';
import { AttentionService } from './approvals/attention/attention.service.js';
import { ApprovalsService } from './approvals/approvals.service.js';
import { BrokerService } from './broker/broker.service.js';
import { EventLog } from './events/event-log.js';
import { RegistryService } from './registry/registry.service.js';
import { ServicesService } from './services/services.service.js';
import { SessionsService } from './sessions/sessions.service.js';
import { StateDb } from './shared/db/state-db.js';
import { failpoint } from './shared/failpoint.js';
import { messageOf } from './shared/nox-error.js';
import { TaskRunner } from './tasks/task-runner.js';
import { DropFolder } from './tasks/drop-folder.js';
import { TaskWatcher } from './tasks/task-watcher.js';

/** All agents end within this; with the rest a shutdown stays under 15 s. */
const AGENTS_GRACE_MS = 8000;

/**
 * Ends Nox in order on SIGTERM or SIGINT: agents first, in parallel, so that waiting requests get their answer; then the
 * server, the record, the journal. A second signal kills the agents at once.
 */
export function shutdownOnSignals(app: NestFastifyApplication): void {
  const log = PinoLogger.root;
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    signals += 1;
    if (signals > 1) {
      log.warn({ signal }, 'second signal: agents are killed');
      void app
        .get(Fleet)
        .shutdown(0)
        .then(
          () => process.exit(1),
          () => process.exit(1),
        );
      return;
    }
    log.info({ signal }, 'shutting down');
    shutdown(app, signal).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'the shutdown did not finish');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // What nobody expected may have broken an invariant: end, so that the next start recovers from the journal.
  const onFault = (error: unknown): void => {
    log.fatal({ err: error }, `Nox ends: ${messageOf(error)}`);
    process.exit(1);
  };
  process.on('uncaughtException', onFault);
  process.on('unhandledRejection', onFault);
}

/** Requests that are still under way when the agents have ended get this long. */
const REQUESTS_GRACE_MS = 2000;

/** Ends everything in order; also what a start that failed has begun. */
export async function shutdown(app: NestFastifyApplication, reason: string): Promise<void> {
  await app
    .get(EventLog)
    .append('system.stopping', { reason })
    .catch(() => undefined);
  await failpoint('shutdown.begun');
  await app
    .get(SessionsService)
    .parkAll()
    .catch((error: unknown) => PinoLogger.root.warn({ err: error }, 'what waits could not be parked'));
  await app.get(AttentionService).stop();
  await app.get(DropFolder).close();
  await app.get(TaskWatcher).close();
  await app.get(TaskRunner).close();
  await Promise.all([app.get(Fleet).shutdown(AGENTS_GRACE_MS), app.get(ServicesService).close()]);
  await failpoint('shutdown.ended');
  app.get(SessionsService).releaseWaiters();
  const cut = setTimeout(() => app.getHttpServer().closeAllConnections(), REQUESTS_GRACE_MS);
  await app.close();
  clearTimeout(cut);
  await app.get(ModelEndpoint).close();
  await app.get(ApprovalsService).idle();
  await app.get(UsageLedger).close();
  await app.get(BrokerService).close();
  await app.get(RegistryService).close();
  app.get(StateDb).close();
}
