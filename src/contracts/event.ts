import * as z from 'zod';
import { Activity, AgentStatus, LogLine, ProcessState } from './agent.js';
import { Approval } from './approval.js';
import { Notice } from './attention.js';
import { ErrorBody } from './errors.js';
import { AgentId, Timestamp } from './ids.js';
import { MESSAGE_EVENTS } from './message.js';
import { ReconcileStep, REGISTRY_EVENTS, RegistryCommit } from './registry.js';
import { SERVICE_EVENTS } from './service.js';
import { GateView, ModelMode } from './system.js';
import { TOOLBOX_EVENTS } from './toolbox.js';
import { TASK_EVENTS } from './task.js';
import { Turn, Usage } from './turn.js';

const turn = { turn_id: z.string() };
const budget = {
  scope: z.enum(['agent', 'fleet']),
  which: z.enum(['usd_per_day', 'tokens_per_day', 'turns_per_day']),
  spent: z.number(),
  limit: z.number(),
};

/** `used` and `limit` in bytes for memory, in percent of one core for the processor. */
const resource = { resource: z.enum(['memory', 'cpu']), used: z.number(), limit: z.number(), reason: z.string() };

/**
 * Every event that Nox tells the world, by type. The area before the dot is the room in which it is announced;
 * events that carry an agent also go to the room `agent:<id>`.
 */
export const EVENTS = {
  'agent.created': z.object({ name: z.string(), actor: z.string(), parent_id: AgentId.optional() }),
  'agent.updated': z.object({ fields: z.array(z.string()), actor: z.string() }),
  'agent.deleted': z.object({ actor: z.string() }),
  /** The whole status, so that a client need not ask. */
  'agent.status_changed': z.object({
    status: AgentStatus,
    previous: z.object({ process_state: ProcessState, activity: Activity }),
  }),
  'agent.log': LogLine.omit({ id: true, timestamp: true }),
  /** An open turn of which nothing is heard; `hung` when the process is therefore ended and started again. */
  'agent.silent': z.object({
    turn_id: z.string().nullable(),
    verdict: z.enum(['warn', 'hung']),
    reason: z.string(),
    silent_s: z.number(),
  }),
  /** Nine tenths of the memory that it may use are in use; told once until less is used again. */
  'agent.resource_warning': z.object(resource),
  /** Its processes were ended for it; the restart policy says what comes next. */
  'agent.resource_limit_exceeded': z.object(resource),
  /** It is held to its `max_cpu_percent` until it wants less. */
  'agent.throttled': z.object(resource),
  'agent.unthrottled': z.object({ reason: z.string() }),
  'agent.api_retry': z.object({
    ...turn,
    attempt: z.number(),
    max_retries: z.number(),
    delay_ms: z.number(),
    error: z.string(),
  }),

  /** A budget is used up, so that turns wait until `resets_at`. Told once; a turn that ran was allowed to end. */
  'agent.budget_exceeded': z.object({ ...budget, resets_at: Timestamp }),
  /** Four fifths of a budget are used. */
  'agent.budget_warning': z.object(budget),
  /** What held the agent's turns is over. */
  'agent.resumed': z.object({ reason: z.string() }),

  ...TOOLBOX_EVENTS,

  'turn.queued': z.object({ turn: Turn }),
  /**
   * It waits, because of the model, a budget, or a critical message that interrupted it; `resume_at` null: until a person
   * has done something, or the agent is free.
   */
  'turn.postponed': z.object({
    ...turn,
    cause: z.enum(['model', 'throttle', 'login', 'budget', 'message', 'storm']),
    reason: z.string(),
    /** Tries that failed so far; they are not counted against anybody. */
    tries: z.number().int(),
    resume_at: Timestamp.nullable(),
  }),
  'turn.started': z.object({ ...turn, session_id: z.string().nullable(), model: z.string().nullable() }),
  /** Part of a text that is being written; dropped from the journal when its turn ends. */
  'turn.text_delta': z.object({ ...turn, text: z.string() }),
  /** A whole text block; it replaces the deltas before it. */
  'turn.text': z.object({ ...turn, text: z.string() }),
  'turn.tool_call': z.object({ ...turn, tool_use_id: z.string(), name: z.string(), input: z.unknown() }),
  'turn.tool_decided': z.object({
    ...turn,
    tool_use_id: z.string(),
    decision: z.enum(['allow', 'deny']),
    by: z.string(),
    reason: z.string().nullable(),
    approval_id: z.string().nullable(),
  }),
  'turn.tool_result': z.object({ ...turn, tool_use_id: z.string(), is_error: z.boolean(), result: z.string() }),
  'turn.ended': z.object({ turn: Turn, usage: Usage.nullable() }),

  'approval.requested': z.object({ approval: Approval }),
  /** It still waits, but something about it is new: a first of two approvals, a decision that is held or undone. */
  'approval.updated': z.object({ approval: Approval }),
  /** Somebody was told of it, or could not be. */
  'approval.notified': z.object({ notice: Notice }),
  'approval.decided': z.object({ approval: Approval }),
  'approval.expired': z.object({ approval: Approval }),
  'approval.cancelled': z.object({ approval: Approval }),
  /** What became of an approved call. */
  'approval.executed': z.object({ approval: Approval }),

  ...MESSAGE_EVENTS,
  ...TASK_EVENTS,

  'registry.committed': z.object({ commit: RegistryCommit }),
  'registry.rolled_back': z.object({ commit: RegistryCommit, reconciled: z.array(ReconcileStep) }),
  'registry.invalid': z.object({ file: z.string(), message: z.string(), line: z.number().int(), field: z.string() }),
  ...REGISTRY_EVENTS,

  ...SERVICE_EVENTS,

  'system.started': z.object({ version: z.string() }),
  /** Somebody has a copy of registry and journal. */
  'system.backed_up': z.object({ name: z.string(), bytes: z.number().int(), sha256: z.string(), actor: z.string() }),
  'system.stopping': z.object({ reason: z.string() }),
  'system.model_changed': z.object({ mode: ModelMode, demo: z.boolean(), actor: z.string() }),
  /** The Claude CLI is being tried, or was: whether it holds tool calls back when the gate breaks. */
  'system.gate_checked': z.object({ gate: GateView }),
  'system.emergency_stopped': z.object({ actor: z.string(), reason: z.string().nullable(), ended: z.number() }),
  'system.emergency_cleared': z.object({ actor: z.string() }),
  'system.login': z.object({ username: z.string(), success: z.boolean(), address: z.string() }),
  /** A login ended before its time. `reuse`: a refresh token was used twice, so one of the two users had stolen it. */
  'system.login_revoked': z.object({
    username: z.string(),
    reason: z.enum(['logout', 'reuse', 'password_changed', 'user_deleted']),
  }),
} as const;

export type EventType = keyof typeof EVENTS;
export type EventPayload<T extends EventType> = z.infer<(typeof EVENTS)[T]>;

/** What goes over SSE and socket.io. `seq` grows by one with each event of this server; resume after the last one seen. */
export interface NoxEvent<T extends EventType = EventType> {
  readonly id: string;
  readonly seq: number;
  readonly type: T;
  readonly timestamp: string;
  readonly agent_id?: string;
  readonly payload: EventPayload<T>;
}

/** The same, told apart by `type`. */
export type AnyNoxEvent = { [T in EventType]: NoxEvent<T> }[EventType];

const Envelope = z.object({
  id: z.string(),
  seq: z.number().int(),
  type: z.string(),
  timestamp: Timestamp,
  agent_id: AgentId.optional(),
  payload: z.unknown(),
});

/** Parses an event at a client's edge. What another version wrote in another way is `undefined`, not an error. */
export function parseEvent(raw: unknown): AnyNoxEvent | undefined {
  const envelope = Envelope.parse(raw);
  const schema = EVENTS[envelope.type as EventType];
  if (schema === undefined) return undefined;
  const payload = schema.safeParse(envelope.payload);
  return payload.success ? ({ ...envelope, payload: payload.data } as AnyNoxEvent) : undefined;
}

/** Rooms of the live connection, beside `agent:<id>`. */
export const Room = z.union([
  z.enum(['agent', 'turn', 'approval', 'registry', 'system', 'task', 'message', 'service']),
  z.string().regex(/^agent:[a-z0-9-]{3,50}$/),
]);

/** Rooms in which an event is announced. */
export function roomsOf(event: Pick<NoxEvent, 'type' | 'agent_id'>): string[] {
  const area = event.type.slice(0, event.type.indexOf('.'));
  return event.agent_id === undefined ? [area] : [area, `agent:${event.agent_id}`];
}

export const EventQuery = z.object({
  /** Events after this one; the `Last-Event-ID` header says the same. */
  after_seq: z.coerce.number().int().min(0).optional(),
  agent_id: AgentId.optional(),
  /** Areas, as `agent,approval`. */
  areas: z
    .string()
    .regex(/^[a-z]+(,[a-z]+)*$/)
    .optional(),
  /** Without following: a page of past events. */
  follow: z.stringbool().default(true),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});
export const EventList = z.object({ events: z.array(Envelope), last_seq: z.number() });

/** Client → server on the socket: `subscribe`, to these rooms instead of any before. Without `after_seq` the answer holds a snapshot, then live events follow. */
export const SubscribeRequest = z.object({
  rooms: z.array(Room).min(1).max(200),
  after_seq: z.number().int().min(0).optional(),
});
/** `resync` says that the events after `after_seq` are no longer all there: take the snapshot. */
export const SubscribeReply = z.object({
  seq: z.number().int(),
  resync: z.boolean(),
  snapshot: z.object({ agents: z.array(z.unknown()), approvals: z.array(z.unknown()) }).nullable(),
});
export type SubscribeReply = z.infer<typeof SubscribeReply>;

/** Client → server: `unsubscribe`. Without rooms: from all. Answered with `{}`. */
export const UnsubscribeRequest = z.object({ rooms: z.array(Room).optional() }).prefault({});

/** Client → server: `authenticate`, with a fresh token of the same user, so that the socket outlives the one before. */
export const AuthenticateRequest = z.object({ token: z.string().max(4096) });
export const AuthenticateReply = z.object({ expires_at: Timestamp });

/** The answer to any request on the socket that was refused, and the `data` of a refused connection. */
export const SocketRefusal = z.object({ error: ErrorBody.shape.error });
export type SocketRefusal = z.infer<typeof SocketRefusal>;

/** Server → client: `closing`, the last word before the server ends the connection, if the client still reads. */
export const SocketClosing = z.object({
  reason: z.enum(['token_expired', 'token_revoked', 'resync_required', 'shutting_down']),
});
export type SocketClosing = z.infer<typeof SocketClosing>;
