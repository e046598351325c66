import { Logger } from '@nestjs/common';
import type { StateDb } from '../shared/db/state-db.js';
import { messageOf } from '../shared/nox-error.js';
import { markRecorded, readApproval, unrecorded } from './approval-store.js';
import type { ApprovalHistory } from './ports.js';

/**
 * Tells the history of every ended request, in order, without making anybody wait. What could not be told, because the
 * history failed or Nox died, is told again with the next one.
 */
export class HistoryPump {
  private readonly logger = new Logger(HistoryPump.name);
  private running: Promise<void> | undefined;
  private again = false;

  constructor(
    private readonly db: StateDb,
    private readonly history: ApprovalHistory,
  ) {}

  /** Says that there is something to tell. */
  nudge(): void {
    this.again = true;
    this.running ??= this.run().finally(() => {
      this.running = undefined;
      if (this.again) this.nudge();
    });
  }

  /** Resolves when everything that can be told has been. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  private async run(): Promise<void> {
    while (this.again) {
      this.again = false;
      try {
        for (const id of unrecorded(this.db)) await this.tell(id);
      } catch (error) {
        this.logger.error(`The approval history cannot be brought up to date: ${messageOf(error)}`);
      }
    }
  }

  private async tell(id: string): Promise<void> {
    try {
      const { approval } = readApproval(this.db, id);
      await this.history.append(approval);
      await this.db.write((tx) => markRecorded(tx, approval));
    } catch (error) {
      this.logger.error(`Approval ${id} is not in the history yet: ${messageOf(error)}`);
    }
  }
}
