import { randomUUID } from 'node:crypto';
import type {
  AgentRuntime,
  RunRequest,
  RuntimeEvent,
  RuntimeSession,
  ToolCall,
  ToolDecision,
  ToolServers,
} from '../../src/agents/runtime/runtime.js';
import { within } from '../support/wait.js';

type EventOf<T extends RuntimeEvent['type']> = Extract<RuntimeEvent, { type: T }>;

/** What one prompt came to. */
export interface TurnOutcome {
  readonly events: readonly RuntimeEvent[];
  readonly result: EventOf<'result'>;
}

/** A running agent as a test sees it: everything it told, everything it asked, and what it is to be answered. */
export class DrivenAgent {
  readonly events: RuntimeEvent[] = [];
  readonly calls: { call: ToolCall; signal: AbortSignal }[] = [];
  /** How tool calls are decided; allowed unless a test sets another. */
  decide: (call: ToolCall, signal: AbortSignal) => Promise<ToolDecision> = () => Promise.resolve({ behavior: 'allow' });
  session!: RuntimeSession;
  private readonly watchers = new Set<() => void>();

  static async start(runtime: AgentRuntime, request: RunRequest, tools?: ToolServers): Promise<DrivenAgent> {
    const agent = new DrivenAgent();
    agent.session = await runtime.start(request, {
      onEvent: (event) => {
        agent.events.push(event);
        agent.changed();
      },
      onToolCall: (call, signal) => {
        agent.calls.push({ call, signal });
        const decision = agent.decide(call, signal);
        agent.changed();
        return decision;
      },
      tools,
    });
    return agent;
  }

  /** The first answer of `look` that is not undefined; looks again at each event and each question. */
  until<T>(what: string, look: () => T | undefined): Promise<T> {
    const found = new Promise<T>((resolve) => {
      const watcher = (): void => {
        const value = look();
        if (value === undefined) return;
        this.watchers.delete(watcher);
        resolve(value);
      };
      this.watchers.add(watcher);
      watcher();
    });
    return within(what, found);
  }

  /** The first event of this type from now on (or from an index) that fits. */
  event<T extends RuntimeEvent['type']>(
    type: T,
    fits: (event: EventOf<T>) => boolean = () => true,
    from = this.events.length,
  ): Promise<EventOf<T>> {
    return this.until(`event ${type}`, () =>
      this.events.slice(from).find((event): event is EventOf<T> => event.type === type && fits(event as EventOf<T>)),
    );
  }

  async prompt(content: string): Promise<string> {
    const uuid = randomUUID();
    await this.session.prompt({ uuid, content });
    return uuid;
  }

  /** Prompts and waits for the result. */
  async turn(content: string): Promise<TurnOutcome> {
    const from = this.events.length;
    await this.prompt(content);
    const result = await this.event('result', undefined, from);
    return { result, events: this.events.slice(from, this.events.indexOf(result) + 1) };
  }

  private changed(): void {
    for (const watcher of this.watchers) watcher();
  }
}

export const ofType = <T extends RuntimeEvent['type']>(events: readonly RuntimeEvent[], type: T): EventOf<T>[] =>
  events.filter((event): event is EventOf<T> => event.type === type);
