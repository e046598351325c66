import { Inject, Injectable } from '@nestjs/common';
import { LogBook } from '../agents/log-book.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { SessionsService } from '../sessions/sessions.service.js';
import { Clock } from '../shared/clock.js';
import { NoxError } from '../shared/nox-error.js';
import { judgeStorm, type Use } from './storms.js';

/** So many uses are looked at; limits beyond it are not reached by one agent alone. */
const MAX_REMEMBERED = 10_000;

const ADDRESSED: Readonly<Record<string, string>> = {
  send_message: 'to',
  create_task: 'agent_id',
  delegate_task: 'to_agent',
};

/** Watches how agents use their tools, and parks one that runs away, with the reason. */
@Injectable()
export class StormBreaker {
  private readonly uses: Use[] = [];

  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(SessionsService) private readonly sessions: SessionsService,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(LogBook) private readonly logs: LogBook,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** To be called before a tool does anything. RESOURCE_LIMIT_EXCEEDED when this use is one too many: the agent is parked then. */
  see(agent_id: string, tool: string, input: unknown): Promise<void> {
    const limits = this.registry.config().storms;
    const now_ms = this.clock.now();
    const oldest_ms = now_ms - limits.window_s * 1000;
    while (this.uses.length >= MAX_REMEMBERED || (this.uses[0]?.at_ms ?? now_ms) < oldest_ms) this.uses.shift();
    this.uses.push({
      at_ms: now_ms,
      agent_id,
      tool,
      words: JSON.stringify(input),
      to: this.recipients(agent_id, tool, input),
    });
    const alarm = judgeStorm(this.uses, limits);
    if (alarm === undefined) return Promise.resolve();
    // Counted afresh when it goes on.
    const others = this.uses.filter((use) => use.agent_id !== agent_id);
    this.uses.splice(0, this.uses.length, ...others);
    const resume_ms = now_ms + limits.park_s * 1000;
    const resume_at = this.clock.iso(resume_ms);
    const reason = `parked, because ${alarm.reason}; goes on at ${resume_at}, or when a person prompts it`;
    this.logs.add(agent_id, 'nox', reason);
    return this.sessions
      .park(agent_id, reason, resume_ms, (tx) =>
        this.events.appendIn(tx, 'agent.storm', { storm: alarm.storm, reason: alarm.reason, resume_at }, agent_id),
      )
      .then(() => {
        throw new NoxError('RESOURCE_LIMIT_EXCEEDED', `You are ${reason}.`);
      });
  }

  private recipients(agent_id: string, tool: string, input: unknown): string[] {
    if (tool === 'broadcast') return [...this.registry.agents().keys()].filter((id) => id !== agent_id);
    if (typeof input !== 'object' || input === null) return [];
    // Work counts like words: it makes its recipient busy just as well.
    const field = ADDRESSED[tool];
    const to = field === undefined ? undefined : (input as Readonly<Record<string, unknown>>)[field];
    return typeof to === 'string' ? [to] : [];
  }
}
