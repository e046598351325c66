import { Inject, Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { EmergencyLatch } from '../agents/emergency-latch.js';
import { Fleet } from '../agents/fleet.js';
import { ApprovalsService } from '../approvals/approvals.service.js';
import type { Actor } from '../contracts/auth.js';
import type { EmergencyStopReply } from '../contracts/system.js';
import { EventLog } from '../events/event-log.js';
import { messageOf } from '../shared/nox-error.js';

/**
 * The emergency stop: starts are barred, then every process is killed, and only then is anything stored. It works with a
 * full disk and a broken repository; what could not be stored is said in the answer.
 */
@Injectable()
export class EmergencyService {
  constructor(
    @Inject(EmergencyLatch) private readonly latch: EmergencyLatch,
    @Inject(Fleet) private readonly fleet: Fleet,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(EventLog) private readonly events: EventLog,
  ) {}

  async stop(reason: string | null, actor: Actor): Promise<EmergencyStopReply> {
    const marker = this.latch.engage(actor.name, reason);
    const why = `emergency stop by ${actor.name}${reason === null ? '' : `: ${reason}`}`;
    const { ended, problems } = await this.fleet.endAll(why);
    const [journal, told] = await Promise.all([
      this.latch.store(),
      this.tell(() =>
        this.events.append('system.emergency_stopped', { actor: actor.name, reason, ended: ended.length }),
      ),
      ...this.fleet.all().map(({ id }) => this.approvals.cancelForAgent(id, why)),
    ]);
    const all = [...problems, ...durability(marker, journal), ...told];
    PinoLogger.root.warn({ actor: actor.name, ended: ended.length, problems: all }, why);
    return { emergency_stop: this.latch.state(), ended: ended.length, problems: all };
  }

  /** Rejects with STORAGE_FAILED and stays in force when the next start of Nox would find it again. */
  async clear(actor: Actor): Promise<EmergencyStopReply> {
    if (this.latch.state() === null) return { emergency_stop: null, ended: 0, problems: [] };
    await this.latch.clear();
    PinoLogger.root.warn({ actor: actor.name }, 'emergency stop cleared');
    const problems = await this.tell(() => this.events.append('system.emergency_cleared', { actor: actor.name }));
    this.fleet.startWanted();
    return { emergency_stop: null, ended: 0, problems };
  }

  private async tell(append: () => Promise<unknown>): Promise<string[]> {
    try {
      await append();
      return [];
    } catch (error) {
      return [`the event was not stored: ${messageOf(error)}`];
    }
  }
}

/** One of the two places is enough. */
function durability(marker: readonly string[], journal: readonly string[]): string[] {
  const forgotten = marker.length > 0 && journal.length > 0;
  return [...marker, ...journal, ...(forgotten ? ['a restart of Nox would forget this stop'] : [])];
}
