import { Inject, Injectable } from '@nestjs/common';
import type { LogLine } from '../contracts/agent.js';
import { EventLog } from '../events/event-log.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { messageOf } from '../shared/nox-error.js';

/** Lines an agent may log per second; a flood is counted, not kept, so that it harms only its own log. */
const LINES_PER_SECOND = 100;

interface Budget {
  second: number;
  used: number;
  dropped: number;
}

interface LogRow {
  id: number;
  at_ms: number;
  stream: LogLine['stream'];
  line: string;
}

/** What agents' processes write beside the protocol, and what Nox notes about them; bounded per agent and second. */
@Injectable()
export class LogBook {
  private readonly budgets = new Map<string, Budget>();
  /** Set by wiring: where a line that cannot be stored is reported. */
  onError: (message: string) => void = () => undefined;

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  add(agent_id: string, stream: LogLine['stream'], line: string): void {
    const dropped = this.spend(agent_id);
    if (dropped === undefined) return;
    if (dropped > 0)
      this.store(agent_id, 'nox', `${dropped} lines were dropped: more than ${LINES_PER_SECOND} in a second`);
    this.store(agent_id, stream, line);
  }

  /** The newest lines, oldest first; only those after `after_id` when given. */
  tail(agent_id: string, lines: number, after_id = 0): LogLine[] {
    return this.db
      .all<LogRow>(
        'SELECT id, at_ms, stream, line FROM logs WHERE agent_id = ? AND id > ? ORDER BY id DESC LIMIT ?',
        agent_id,
        after_id,
        lines,
      )
      .toReversed()
      .map(({ id, at_ms, stream, line }) => ({ id, timestamp: this.clock.iso(at_ms), stream, line }));
  }

  prune(days: number): Promise<number> {
    return this.db.write(
      (tx) => tx.run('DELETE FROM logs WHERE at_ms < ?', this.clock.now() - days * 86_400_000).changes,
    );
  }

  /** Lines dropped before this one, or undefined when this one is dropped too. */
  private spend(agent_id: string): number | undefined {
    const second = Math.floor(this.clock.now() / 1000);
    let budget = this.budgets.get(agent_id);
    let dropped = 0;
    if (budget?.second !== second) {
      dropped = budget?.dropped ?? 0;
      budget = { second, used: 0, dropped: 0 };
      this.budgets.set(agent_id, budget);
    }
    budget.used += 1;
    if (budget.used <= LINES_PER_SECOND) return dropped;
    budget.dropped += 1;
    return undefined;
  }

  private store(agent_id: string, stream: LogLine['stream'], line: string): void {
    this.db
      .write((tx) => {
        tx.run(
          'INSERT INTO logs (agent_id, at_ms, stream, line) VALUES (?, ?, ?, ?)',
          agent_id,
          this.clock.now(),
          stream,
          line,
        );
        this.events.appendIn(tx, 'agent.log', { stream, line }, agent_id);
      })
      .catch((error: unknown) => this.onError(`a log line of ${agent_id} was not stored: ${messageOf(error)}`));
  }
}
