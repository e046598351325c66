import { Logger } from '@nestjs/common';
import type { Approval } from '../contracts/approval.js';
import type { EventLog } from '../events/event-log.js';
import type { Clock } from '../shared/clock.js';
import type { StateDb } from '../shared/db/state-db.js';
import { messageOf } from '../shared/nox-error.js';
import * as store from './approval-store.js';
import type { GatedCall } from './gate.js';
import type { Ledger } from './ledger/ledger.service.js';
import type { ApprovalSettings } from './ports.js';
import { deferral } from './request.js';
import type { WaitingRoom } from './waiting-room.js';

interface Parts {
  readonly db: StateDb;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly room: WaitingRoom;
  readonly settings: ApprovalSettings;
  /** Sets the timer for what is parked. */
  readonly arm: () => void;
}

/** Puts waiting calls off, so that their processes may end: the request waits on without them. */
export class Parking {
  private readonly logger = new Logger(Parking.name);
  private readonly parkers = new Map<string, () => Promise<boolean>>();

  constructor(private readonly parts: Parts) {}

  /** Parks the call when it has waited long enough, if it can be parked then. Answers what ends that. */
  later({ canPark }: GatedCall, id: string): () => void {
    const { settings, clock } = this.parts;
    const after_s = settings.park_after_s?.();
    if (canPark === undefined || after_s === undefined) return () => undefined;
    const park = (): Promise<boolean> => (canPark() ? this.park(id) : Promise.resolve(false));
    this.parkers.set(id, park);
    const cancel = clock.after(after_s * 1000, () => {
      park().catch((error: unknown) => this.logger.warn(`Approval ${id} waits on, unparked: ${messageOf(error)}`));
    });
    return () => {
      cancel();
      this.parkers.delete(id);
    };
  }

  /** Parks every waiting call that can be. Answers the agents whose calls were. */
  async parkAll(): Promise<string[]> {
    const waiting = store.pendingApprovals(this.parts.db).filter(({ approval }) => this.parkers.has(approval.id));
    const parked = await Promise.all(
      waiting.map(async ({ approval }) =>
        (await this.parkers.get(approval.id)?.()) === true ? approval.agent_id : '',
      ),
    );
    return [...new Set(parked)].filter((id) => id !== '');
  }

  private park(id: string): Promise<boolean> {
    const { db, room, clock, ledger, events, arm } = this.parts;
    return db.write((tx) => {
      const { approval } = store.readApproval(tx, id);
      if (approval.status !== 'pending' || !room.isWaiting(id)) return false;
      const after: Approval = { ...approval, status: 'parked', parked_at: approval.parked_at ?? clock.iso() };
      store.updateApproval(tx, after);
      ledger.append(tx, 'parked', after);
      events.appendIn(tx, 'approval.requested', { approval: after }, after.agent_id);
      tx.afterCommit(() => {
        room.release(id, deferral(id));
        arm();
      });
      return true;
    });
  }
}
