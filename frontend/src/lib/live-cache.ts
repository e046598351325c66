import type { LiveSnapshot } from '@client/live.js';
import type { Agent, AgentStatus, LogLine } from '@contracts/agent.js';
import type { Approval } from '@contracts/approval.js';
import type { AnyNoxEvent } from '@contracts/event.js';
import type { RouteReply } from '@contracts/routes.js';
import type { Task } from '@contracts/task.js';
import type { EmergencyStop, SystemStatus } from '@contracts/system.js';
import type { QueryClient } from '@tanstack/react-query';
import { atMostEvery } from './at-most.js';
import { stepOf } from './agent-state.js';
import { handle, type Handlers } from './handlers.js';
import { keys } from './keys.js';
import type { LiveListener } from './live.js';
import { MessageCache } from './message-cache.js';
import { isMessageEvent } from './message-news.js';
import { call } from './session.js';
import { Store } from './store.js';
import { type Thread, withEvent } from './thread.js';

type ServiceList = RouteReply<'services_list'>;

const KEPT_EVENTS = 500;
const KEPT_LINES = 2000;
/** Services are asked for again as a whole: after a busy hour of calls not more often than this. */
const SERVICES_MS = 400;
/** The sums of a day change with each turn of any agent. */
const USAGE_MS = 2000;
/** Decisions may come in storms; the ledger is read page by page. */
const LEDGER_MS = 1000;
/** Too many and too small to be remembered here. */
const PASSING = new Set<AnyNoxEvent['type']>([
  'turn.text_delta',
  'agent.log',
  'message.delivered',
  'message.acked',
  'service.pull_progress',
]);

/** The newest events of this page's life, newest last; without the small steps. */
export const recentEvents = new Store<readonly AnyNoxEvent[]>([]);
/** What each working agent does, in words. */
export const currentSteps = new Store<ReadonlyMap<string, string>>(new Map());

/** Writes what the server tells into the query cache, so that every page is live without asking again. */
export class LiveCache implements LiveListener {
  readonly #handlers: Handlers<[], unknown> = {
    'agent.created': ({ agent_id }) => this.#reload(agent_id),
    'agent.updated': ({ agent_id }) => this.#reload(agent_id),
    'agent.deleted': ({ agent_id }) => this.#agents((agents) => agents.filter((agent) => agent.id !== agent_id)),
    'agent.status_changed': ({ agent_id, payload }) =>
      this.#agent(agent_id, (agent) => withStatus(agent, payload.status)),
    'turn.ended': ({ agent_id = '', payload: { usage } }) => {
      if (usage === null) return;
      this.#agent(agent_id, (agent) => ({ ...agent, usage: plus(agent.usage, usage) }));
      this.#outdated(keys.usage(agent_id));
      this.#fleetUsage();
    },
    'approval.requested': ({ payload: { approval } }) => this.#updatePending(approval),
    'approval.updated': ({ payload: { approval } }) => this.#updatePending(approval),
    'approval.decided': ({ payload }) => this.#noLongerPending(payload.approval),
    'approval.expired': ({ payload }) => this.#noLongerPending(payload.approval),
    'approval.cancelled': ({ payload }) => this.#noLongerPending(payload.approval),
    'approval.executed': () => {
      this.#outdated(keys.decided);
      this.#ledger();
    },
    'task.created': ({ payload }) => this.#task(payload.task),
    'task.updated': ({ payload }) => this.#task(payload.task),
    'task.status_changed': ({ payload }) => this.#task(payload.task),
    'task.progress': ({ payload }) => this.#task(payload.task),
    'task.accepting': ({ payload }) => this.#task(payload.task),
    'task.evidence': ({ payload }) => this.#task(payload.task),
    'task.delegated': ({ payload }) => this.#task(payload.task),
    'task.overdue': ({ payload }) => this.#task(payload.task),
    'task.file_error': ({ agent_id = '' }) => this.#taskFile(agent_id),
    'task.file_ok': ({ agent_id = '' }) => this.#taskFile(agent_id),
    'service.changed': () => this.#services(),
    'service.installed': () => this.#services(),
    'service.removed': () => this.#services(),
    'service.attached': () => this.#services(),
    'service.detached': () => this.#services(),
    'service.call': () => this.#services(),
    'service.pull_progress': ({ payload: { service, ...pull } }) =>
      this.queries.setQueryData<ServiceList>(
        keys.services,
        (list) =>
          list && {
            ...list,
            services: list.services.map((each) => (each.name === service ? { ...each, pull } : each)),
          },
      ),
    'registry.committed': () => this.#registryMoved(),
    'registry.rolled_back': () => this.#registryMoved(),
    'registry.switched': () => this.#registryMoved(),
    'registry.named': () => this.#outdated(keys.registry),
    'registry.damaged': () => this.#outdated(keys.registry),
    'registry.remote': () => this.#outdated(keys.registry),
    'registry.invalid': () => this.#outdated(keys.registry),
    'registry.held': () => this.#outdated(keys.registry),
    'registry.mended': () => this.#outdated(keys.registry),
    'registry.conflict': () => this.#outdated(keys.registry),
    'registry.accepted': () => this.#registryMoved(),
    'registry.rejected': () => this.#outdated(keys.registry),
    'system.model_changed': () => this.#outdated(keys.status),
    'system.gate_checked': () => this.#outdated(keys.status),
    'system.emergency_stopped': ({ timestamp, payload: { actor, reason } }) =>
      this.#emergency({ since: timestamp, actor, reason }),
    'system.emergency_cleared': () => this.#emergency(null),
  };

  readonly #messages: MessageCache;
  readonly #fleetUsage = atMostEvery(USAGE_MS, () => this.#outdated(keys.fleetUsage));
  readonly #services = atMostEvery(SERVICES_MS, () => this.#outdated(keys.services));
  readonly #ledger = atMostEvery(LEDGER_MS, () => this.#outdated(keys.ledger));

  constructor(private readonly queries: QueryClient) {
    this.#messages = new MessageCache(queries);
  }

  readonly onSnapshot = (snapshot: LiveSnapshot, first: boolean): void => {
    this.queries.setQueryData(keys.agents, snapshot.agents);
    this.queries.setQueryData(keys.pending, snapshot.approvals);
    if (first) return;
    // Events were missed: what the snapshot does not hold is asked for again.
    const held: readonly (readonly unknown[])[] = [keys.agents, keys.pending];
    void this.queries.invalidateQueries({ predicate: (query) => !held.some((key) => same(key, query.queryKey)) });
  };

  readonly onEvents = (events: readonly AnyNoxEvent[]): void => {
    for (const event of events) handle(this.#handlers, event);
    this.#threads(events);
    this.#logs(events);
    this.#steps(events);
    this.#messages.take(events.filter(isMessageEvent));
    const kept = events.filter((event) => !PASSING.has(event.type));
    if (kept.length > 0) recentEvents.set([...recentEvents.get(), ...kept].slice(-KEPT_EVENTS));
  };

  #agents(change: (agents: Agent[]) => Agent[]): void {
    this.queries.setQueryData<Agent[]>(keys.agents, (agents) => agents && change(agents));
  }

  #agent(id: string | undefined, change: (agent: Agent) => Agent): void {
    this.#agents((agents) => agents.map((agent) => (agent.id === id ? change(agent) : agent)));
  }

  #pending(change: (list: Approval[]) => Approval[]): void {
    this.queries.setQueryData<Approval[]>(keys.pending, (list) => list && change(list));
  }

  /** In its place, or at the end; what waits behind it is not told by events. */
  #updatePending(approval: Approval): void {
    this.#ledger();
    this.#pending((list) => {
      const known = list.find(({ id }) => id === approval.id);
      if (known === undefined) return [...list, approval];
      const { waits_behind } = known;
      const fresh = { ...approval, ...(waits_behind === undefined ? {} : { waits_behind }) };
      return list.map((each) => (each.id === approval.id ? fresh : each));
    });
  }

  #noLongerPending({ id }: Approval): void {
    this.#ledger();
    this.#pending((list) => list.filter((each) => each.id !== id));
    this.#outdated(keys.decided);
  }

  /** What waits for it is other than before too, so the list is asked for again when it has ended. */
  #task(task: Task): void {
    putTask(this.queries, task);
    this.#outdated(keys.taskFile(task.agent_id));
    const others = this.queries.getQueryData<Task[]>(keys.tasks) ?? [];
    if (others.some((each) => each.dependencies.includes(task.id))) this.#outdated(keys.tasks);
  }

  #taskFile(agent_id: string): void {
    this.#outdated(keys.taskFile(agent_id));
    this.#outdated(keys.taskProblems);
  }

  #registryMoved(): void {
    this.#outdated(keys.registry);
    this.#outdated(keys.relations);
    this.#services();
  }

  /** Shown at once; the server then says what else has changed by it. */
  #emergency(emergency_stop: EmergencyStop | null): void {
    putEmergency(this.queries, emergency_stop);
    this.#outdated(keys.status);
  }

  /** What is shown of this is asked for again; the rest when it is next shown. */
  #outdated(queryKey: readonly unknown[]): void {
    void this.queries.invalidateQueries({ queryKey });
  }

  #reload(id: string | undefined): void {
    if (id === undefined) return;
    call('agents_get', { params: { id } }).then(
      (agent) => putAgent(this.queries, agent),
      // Gone again, or out of reach: then the whole list is asked for.
      () => this.#outdated(keys.agents),
    );
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
      const added = own.map(({ seq, timestamp, payload: { stream, line } }): LogLine => ({
        id: seq,
        timestamp,
        stream,
        line,
      }));
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

/** Puts one task into the cached list, in place or at the end. */
export function putTask(queries: QueryClient, task: Task): void {
  queries.setQueryData<Task[]>(keys.tasks, (tasks) => {
    if (tasks === undefined) return tasks;
    return tasks.some((each) => each.id === task.id)
      ? tasks.map((each) => (each.id === task.id ? task : each))
      : [...tasks, task];
  });
}

/** Puts a task that was answered into the cached list, unless an event has overtaken the answer. */
export function putAnswer(queries: QueryClient, task: Task): void {
  const known = queries.getQueryData<Task[]>(keys.tasks)?.find(({ id }) => id === task.id);
  if (known === undefined || known.updated_at <= task.updated_at) putTask(queries, task);
}

/** A list that was answered, with what events have told since it was asked for. */
export function withNewer(answered: readonly Task[], known: readonly Task[]): Task[] {
  const newest = new Map(answered.map((task) => [task.id, task]));
  for (const task of known) {
    const other = newest.get(task.id);
    if (other === undefined || other.updated_at < task.updated_at) newest.set(task.id, task);
  }
  return [...newest.values()];
}

/** Puts a new status of an agent into the cached list. */
export function putStatus(queries: QueryClient, status: AgentStatus): void {
  queries.setQueryData<Agent[]>(keys.agents, (agents) =>
    agents?.map((agent) => (agent.id === status.id ? withStatus(agent, status) : agent)),
  );
}

export function putEmergency(queries: QueryClient, emergency_stop: EmergencyStop | null): void {
  queries.setQueryData<SystemStatus>(keys.status, (status) => status && { ...status, emergency_stop });
}

/** Fields that are absent now must not stay from before. */
function withStatus(agent: Agent, status: AgentStatus): Agent {
  const { reason: _, next_start_at: __, resume_at: ___, ...kept } = agent;
  return { ...kept, ...status };
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
