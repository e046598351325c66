import type { LiveSnapshot } from '@client/live.js';
import type { Agent, LogLine } from '@contracts/agent.js';
import type { Approval } from '@contracts/approval.js';
import type { AnyNoxEvent } from '@contracts/event.js';
import type { QueryClient } from '@tanstack/react-query';
import { stepOf } from './agent-state.js';
import { keys } from './keys.js';
import type { LiveListener } from './live.js';
import { call } from './session.js';
import { Store } from './store.js';
import { type Thread, withEvent } from './thread.js';

const KEPT_EVENTS = 500;
const KEPT_LINES = 2000;

/** The newest events of this page's life, newest last; without deltas and log lines. */
export const recentEvents = new Store<readonly AnyNoxEvent[]>([]);
/** What each working agent does, in words. */
export const currentSteps = new Store<ReadonlyMap<string, string>>(new Map());

/** Writes what the server tells into the query cache, so that every page is live without asking again. */
export class LiveCache implements LiveListener {
  constructor(private readonly queries: QueryClient) {}

  readonly onSnapshot = (snapshot: LiveSnapshot, first: boolean): void => {
    this.queries.setQueryData(keys.agents, snapshot.agents);
    this.queries.setQueryData(keys.pending, snapshot.approvals);
    if (first) return;
    // Events were missed: what the snapshot does not hold is asked for again.
    const held: readonly (readonly unknown[])[] = [keys.agents, keys.pending];
    void this.queries.invalidateQueries({ predicate: (query) => !held.some((key) => same(key, query.queryKey)) });
  };

  readonly onEvents = (events: readonly AnyNoxEvent[]): void => {
    for (const event of events) this.#apply(event);
    this.#threads(events);
    this.#logs(events);
    this.#steps(events);
    const kept = events.filter((event) => event.type !== 'turn.text_delta' && event.type !== 'agent.log');
    if (kept.length > 0) recentEvents.set([...recentEvents.get(), ...kept].slice(-KEPT_EVENTS));
  };

  #apply(event: AnyNoxEvent): void {
    switch (event.type) {
      case 'agent.status_changed':
        this.#agents((agents) =>
          agents.map((agent) => {
            if (agent.id !== event.agent_id) return agent;
            // Fields that are absent now must not stay from before.
            const { reason: _, next_start_at: __, ...kept } = agent;
            return Object.assign(kept, event.payload.status) as Agent;
          }),
        );
        break;
      case 'agent.created':
      case 'agent.updated':
        if (event.agent_id !== undefined) void this.#reload(event.agent_id);
        break;
      case 'agent.deleted':
        this.#agents((agents) => agents.filter((agent) => agent.id !== event.agent_id));
        break;
      case 'turn.ended': {
        const { usage } = event.payload;
        if (usage === null) break;
        this.#agents((agents) =>
          agents.map((agent) => (agent.id === event.agent_id ? { ...agent, usage: plus(agent.usage, usage) } : agent)),
        );
        break;
      }
      case 'approval.requested':
        this.#pending((list) => [...list.filter((a) => a.id !== event.payload.approval.id), event.payload.approval]);
        break;
      case 'approval.decided':
      case 'approval.expired':
      case 'approval.cancelled':
        this.#pending((list) => list.filter((a) => a.id !== event.payload.approval.id));
        void this.queries.invalidateQueries({ queryKey: keys.decided });
        break;
      case 'approval.executed':
        void this.queries.invalidateQueries({ queryKey: keys.decided });
        break;
      case 'registry.committed':
      case 'registry.rolled_back':
      case 'registry.invalid':
        void this.queries.invalidateQueries({ queryKey: keys.registry });
        break;
      case 'system.model_changed':
        void this.queries.invalidateQueries({ queryKey: keys.status });
        break;
      default:
        break;
    }
  }

  #agents(change: (agents: Agent[]) => Agent[]): void {
    this.queries.setQueryData<Agent[]>(keys.agents, (agents) => agents && change(agents));
  }

  #pending(change: (list: Approval[]) => Approval[]): void {
    this.queries.setQueryData<Approval[]>(keys.pending, (list) => list && change(list));
  }

  async #reload(id: string): Promise<void> {
    try {
      putAgent(this.queries, await call('agents_get', { params: { id } }));
    } catch {
      // Gone again, or out of reach: the whole list is asked for when it is next shown.
      await this.queries.invalidateQueries({ queryKey: keys.agents });
    }
  }

  #threads(events: readonly AnyNoxEvent[]): void {
    const byAgent = Map.groupBy(
      events.filter((event) => event.type.startsWith('turn.') || event.type === 'approval.requested'),
      (event) => event.agent_id ?? '',
    );
    for (const [agent_id, own] of byAgent) {
      this.queries.setQueryData<Thread>(
        keys.conversation(agent_id),
        (thread) => thread && own.reduce(withEvent, thread),
      );
    }
  }

  #logs(events: readonly AnyNoxEvent[]): void {
    const lines = events.filter((event) => event.type === 'agent.log');
    for (const [agent_id, own] of Map.groupBy(lines, (event) => event.agent_id ?? '')) {
      const added: LogLine[] = own.map(({ seq, timestamp, payload }) => ({ id: seq, timestamp, ...payload }));
      this.queries.setQueryData<LogLine[]>(
        keys.logs(agent_id),
        (known) => known && [...known, ...added].slice(-KEPT_LINES),
      );
    }
  }

  #steps(events: readonly AnyNoxEvent[]): void {
    let steps: Map<string, string> | undefined;
    for (const event of events) {
      const step = stepOf(event);
      const id = event.agent_id;
      if (step === undefined || id === undefined || (currentSteps.get().get(id) ?? null) === step) continue;
      steps ??= new Map(currentSteps.get());
      if (step === null) steps.delete(id);
      else steps.set(id, step);
    }
    if (steps !== undefined) currentSteps.set(steps);
  }
}

/** Puts one agent into the cached list, in place or at the end. */
export function putAgent(queries: QueryClient, agent: Agent): void {
  queries.setQueryData<Agent[]>(keys.agents, (agents) => {
    if (agents === undefined) return agents;
    return agents.some((each) => each.id === agent.id)
      ? agents.map((each) => (each.id === agent.id ? agent : each))
      : [...agents, agent];
  });
}

const same = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((part, i) => part === b[i]);

function plus(
  total: Agent['usage'],
  turn: { input_tokens: number; output_tokens: number; cost_usd: number },
): Agent['usage'] {
  return {
    turns: total.turns + 1,
    input_tokens: total.input_tokens + turn.input_tokens,
    output_tokens: total.output_tokens + turn.output_tokens,
    cost_usd: total.cost_usd + turn.cost_usd,
  };
}
