import type { Clock } from '../../../shared/clock.js';
import type { RuntimeEvent } from '../runtime.js';
import { LogBudget } from './log-budget.js';

type LogEvent = Extract<RuntimeEvent, { type: 'log' }>;

const MAX_LINE_CHARS = 8192;
const MAX_TAIL_CHARS = 4096;

/** What an agent process says beside the protocol: as log events, cut and limited, and its last words on stderr. */
export class AgentLog {
  private readonly budget = new LogBudget();
  private last_words = '';

  constructor(
    private readonly emit: (event: LogEvent) => void,
    private readonly clock: Clock,
  ) {}

  write(stream: LogEvent['stream'], line: string): void {
    if (stream === 'stderr') this.remember(line);
    const { pass, left_out } = this.budget.take(this.clock.now());
    if (!pass) return;
    this.tellLeftOut(left_out);
    this.emit({ type: 'log', stream, line: line.slice(0, MAX_LINE_CHARS) });
  }

  /** Keeps a line for the exit's `stderr_tail` only. */
  remember(line: string): void {
    this.last_words = `${this.last_words}${line.slice(-MAX_TAIL_CHARS)}\n`.slice(-MAX_TAIL_CHARS);
  }

  end(): void {
    this.tellLeftOut(this.budget.drain());
  }

  get tail(): string {
    return this.last_words;
  }

  private tellLeftOut(count: number): void {
    if (count > 0) this.emit({ type: 'log', stream: 'nox', line: `${count} log lines of this agent were left out` });
  }
}
