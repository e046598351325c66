import { Inject, Injectable } from '@nestjs/common';
import type { AnyNoxEvent } from '../contracts/event.js';
import type { Turn } from '../contracts/turn.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { StateDb } from '../shared/db/state-db.js';
import { messageOf } from '../shared/nox-error.js';

/** Up to which event the record has all turns, on the disk. */
const RECORDED_UP_TO = 'record.turns_seq';

const PAGE = 1000;

/**
 * Brings each turn that has ended from the journal into the record. Contract: what the journal has and a crash, a loss of
 * power or a full disk kept from the record is there after the next start that the disk allows, once.
 */
@Injectable()
export class TurnRecorder {
  /** Set by wiring: failures of work that nobody waits for. */
  warn: (message: string, fields: object) => void = () => undefined;
  /** Events whose turn is not in its file: under way, or refused by the disk. */
  private readonly owed = new Set<number>();
  private recorded_seq = 0;
  /** Until where a start has looked at what there was before it; undefined when it has done so. */
  private looked_seq: number | undefined;

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(RegistryService) private readonly registry: RegistryService,
  ) {}

  /** Resolves when the record has all turns that ended before, but for those that the disk refuses. Call it before any can end. */
  async start(): Promise<void> {
    if (this.db.getMeta(RECORDED_UP_TO) === undefined)
      await this.db.setMeta(RECORDED_UP_TO, String(this.events.lastSeq()));
    const last_seq = this.events.lastSeq();
    this.recorded_seq = this.looked_seq = Number(this.db.getMeta(RECORDED_UP_TO));
    this.registry.record.safepoint = () => this.safepoint();
    this.events.subscribe((event) => {
      const ended = endOf(event);
      if (ended === undefined) return;
      this.owed.add(ended.seq);
      void this.settle(ended, () => this.registry.record.appendTurn(ended.turn));
    });
    await this.makeUp(last_seq);
    this.looked_seq = undefined;
  }

  private async makeUp(last_seq: number): Promise<void> {
    const { record } = this.registry;
    const holds = record.turnFinder();
    for (let from = this.recorded_seq; from < last_seq;) {
      const page = this.events.since(from, { areas: ['turn'], limit: PAGE }).filter(({ seq }) => seq <= last_seq);
      for (const event of page) {
        const ended = endOf(event);
        if (ended === undefined) continue;
        this.owed.add(ended.seq);
        await this.settle(ended, async () => {
          if (!(await holds(ended.turn))) await record.appendTurn(ended.turn);
        });
      }
      from = page.at(-1)?.seq ?? last_seq;
      this.looked_seq = from;
    }
  }

  private async settle({ turn, seq }: Ended, append: () => Promise<void>): Promise<void> {
    try {
      await append();
      this.owed.delete(seq);
    } catch (error) {
      const fields = { turn_id: turn.id, reason: messageOf(error) };
      this.warn('a turn is in the journal but not in the record; the next start makes up for it', fields);
    }
  }

  /** What is appended now will be on the disk when the answer is called. */
  private safepoint(): () => void {
    const seq = Math.min(...[...this.owed].map((each) => each - 1), this.looked_seq ?? this.events.lastSeq());
    return () => {
      if (seq <= this.recorded_seq) return;
      this.recorded_seq = seq;
      this.db
        .setMeta(RECORDED_UP_TO, String(seq), 'soon')
        .catch((error: unknown) =>
          this.warn('how far the record has come was not stored', { reason: messageOf(error) }),
        );
    };
  }
}

interface Ended {
  readonly turn: Turn;
  readonly seq: number;
}

const endOf = (event: AnyNoxEvent): Ended | undefined =>
  event.type === 'turn.ended' ? { turn: event.payload.turn, seq: event.seq } : undefined;
