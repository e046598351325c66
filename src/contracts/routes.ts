import * as z from 'zod';
import {
  Agent,
  AgentList,
  AgentListQuery,
  AgentStatus,
  CreateAgent,
  LogList,
  LogQuery,
  StopOptions,
  UpdateAgent,
} from './agent.js';
import { Approval, ApprovalList, ApprovalListQuery, ApproveRequest, DenyRequest } from './approval.js';
import {
  ChangePassword,
  CreateUser,
  LoginLinkRequest,
  LoginRequest,
  RefreshRequest,
  type Role,
  TokenReply,
  User,
  UserList,
} from './auth.js';
import { SystemConfig } from './config.js';
import { EventList, EventQuery } from './event.js';
import { AgentId, ApprovalId, CommitHash, TurnId } from './ids.js';
import {
  CommitView,
  DiffQuery,
  History,
  HistoryQuery,
  RegistryDiff,
  RegistryStatus,
  RollbackRequest,
  RollbackResult,
} from './registry.js';
import { AgentResources, ResourceQuery } from './resources.js';
import { AddRelationship, RelationshipList, RemoveRelationship } from './relationship.js';
import { EmergencyStopReply, EmergencyStopRequest, Health, SystemStatus, UseModel } from './system.js';
import { AgentUsage, FleetUsage, UsageQuery } from './usage.js';
import { Conversation, ConversationQuery, PromptReply, PromptRequest, Turn } from './turn.js';

export interface RouteDef {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** As Nest and OpenAPI share it after a rewrite of `:id`; under `/api/v1` (and `/api`) unless `root`. */
  readonly path: string;
  readonly summary: string;
  /** Who may call it; `public` needs no token. */
  readonly role: Role | 'public';
  readonly status?: number;
  readonly root?: boolean;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
  /** Answers with Server-Sent Events when asked by `Accept` or by a query or body field. */
  readonly streams?: boolean;
}

const route = <const T extends RouteDef>(def: T): T => def;
const id = z.object({ id: AgentId });
const none = z.object({});

/** Every route of the API, once: controllers, guards, the OpenAPI document and the typed client are made from it. */
export const ROUTES = {
  health: route({
    method: 'GET',
    path: '/health',
    root: true,
    role: 'public',
    summary: 'Is Nox serving?',
    response: Health,
  }),

  openapi: route({
    method: 'GET',
    path: '/openapi.json',
    root: true,
    role: 'public',
    summary: 'This document',
    response: z.record(z.string(), z.unknown()),
  }),

  auth_login: route({
    method: 'POST',
    path: '/auth/login',
    role: 'public',
    status: 200,
    summary: 'Log in with name and password',
    body: LoginRequest,
    response: TokenReply,
  }),
  auth_login_link: route({
    method: 'POST',
    path: '/auth/login-link',
    role: 'public',
    status: 200,
    summary: 'Log in with a one-time link',
    body: LoginLinkRequest,
    response: TokenReply,
  }),
  auth_refresh: route({
    method: 'POST',
    path: '/auth/refresh',
    role: 'public',
    status: 200,
    summary: 'Change a refresh token for a new pair',
    body: RefreshRequest,
    response: TokenReply,
  }),
  auth_logout: route({
    method: 'POST',
    path: '/auth/logout',
    role: 'viewer',
    status: 200,
    summary: 'End this login everywhere it is used',
    body: RefreshRequest,
    response: none,
  }),
  auth_me: route({ method: 'GET', path: '/auth/me', role: 'viewer', summary: 'Who am I?', response: User }),
  auth_password: route({
    method: 'POST',
    path: '/auth/password',
    role: 'viewer',
    status: 200,
    summary: 'Change my password',
    body: ChangePassword,
    response: none,
  }),
  users_list: route({ method: 'GET', path: '/auth/users', role: 'admin', summary: 'List users', response: UserList }),
  users_create: route({
    method: 'POST',
    path: '/auth/users',
    role: 'admin',
    status: 201,
    summary: 'Add a user',
    body: CreateUser,
    response: User,
  }),
  users_delete: route({
    method: 'DELETE',
    path: '/auth/users/:username',
    role: 'admin',
    summary: 'Remove a user',
    params: z.object({ username: z.string().max(64) }),
    response: none,
  }),

  agents_list: route({
    method: 'GET',
    path: '/agents',
    role: 'viewer',
    summary: 'List agents',
    query: AgentListQuery,
    response: AgentList,
  }),
  agents_create: route({
    method: 'POST',
    path: '/agents',
    role: 'operator',
    status: 201,
    summary: 'Create an agent',
    body: CreateAgent,
    response: Agent,
  }),
  agents_get: route({
    method: 'GET',
    path: '/agents/:id',
    role: 'viewer',
    summary: 'Read an agent',
    params: id,
    response: Agent,
  }),
  agents_update: route({
    method: 'PATCH',
    path: '/agents/:id',
    role: 'operator',
    summary: 'Change an agent; it restarts if it must',
    params: id,
    body: UpdateAgent,
    response: Agent,
  }),
  agents_delete: route({
    method: 'DELETE',
    path: '/agents/:id',
    role: 'operator',
    summary: 'Stop and delete an agent (a rollback brings it back)',
    params: id,
    response: none,
  }),
  agents_status: route({
    method: 'GET',
    path: '/agents/:id/status',
    role: 'viewer',
    summary: 'Where an agent stands',
    params: id,
    response: AgentStatus,
  }),
  agents_start: route({
    method: 'POST',
    path: '/agents/:id/start',
    role: 'operator',
    status: 200,
    summary: 'Start an agent',
    params: id,
    response: AgentStatus,
  }),
  agents_stop: route({
    method: 'POST',
    path: '/agents/:id/stop',
    role: 'operator',
    status: 200,
    summary: 'Stop an agent and all its processes',
    params: id,
    body: StopOptions,
    response: AgentStatus,
  }),
  agents_restart: route({
    method: 'POST',
    path: '/agents/:id/restart',
    role: 'operator',
    status: 200,
    summary: 'Stop and start an agent, keeping its conversation',
    params: id,
    body: StopOptions,
    response: AgentStatus,
  }),
  agents_interrupt: route({
    method: 'POST',
    path: '/agents/:id/interrupt',
    role: 'operator',
    status: 200,
    summary: 'Interrupt the running turn',
    params: id,
    response: AgentStatus,
  }),
  agents_hibernate: route({
    method: 'POST',
    path: '/agents/:id/hibernate',
    role: 'operator',
    status: 200,
    summary: 'End the process, keep the session; the next prompt wakes it',
    params: id,
    response: AgentStatus,
  }),
  relationships_list: route({
    method: 'GET',
    path: '/agents/:id/relationships',
    role: 'viewer',
    summary: 'Who works with this agent',
    params: id,
    response: RelationshipList,
  }),
  relationships_add: route({
    method: 'POST',
    path: '/agents/:id/relationships',
    role: 'operator',
    status: 201,
    summary: 'Relate an agent to another one; supervisors form groups',
    params: id,
    body: AddRelationship,
    response: RelationshipList,
  }),
  relationships_remove: route({
    method: 'DELETE',
    path: '/agents/:id/relationships',
    role: 'operator',
    summary: 'Take a relationship to another agent away',
    params: id,
    body: RemoveRelationship,
    response: RelationshipList,
  }),
  agents_reset_breaker: route({
    method: 'POST',
    path: '/agents/:id/breaker/reset',
    role: 'operator',
    status: 200,
    summary: 'Close the circuit breaker; an agent that should run starts again',
    params: id,
    response: AgentStatus,
  }),
  agents_prompt: route({
    method: 'POST',
    path: '/agents/:id/prompt',
    role: 'operator',
    status: 200,
    summary: 'Prompt an agent; JSON or a stream',
    params: id,
    body: PromptRequest,
    response: PromptReply,
    streams: true,
  }),
  agents_conversation: route({
    method: 'GET',
    path: '/agents/:id/conversation',
    role: 'viewer',
    summary: 'The turns of an agent',
    params: id,
    query: ConversationQuery,
    response: Conversation,
  }),
  agents_logs: route({
    method: 'GET',
    path: '/agents/:id/logs',
    role: 'viewer',
    summary: 'What the process wrote beside the protocol',
    params: id,
    query: LogQuery,
    response: LogList,
    streams: true,
  }),
  agents_resources: route({
    method: 'GET',
    path: '/agents/:id/resources',
    role: 'viewer',
    summary: 'Memory and processor use of an agent, now and over the last day',
    params: id,
    query: ResourceQuery,
    response: AgentResources,
  }),
  agents_usage: route({
    method: 'GET',
    path: '/agents/:id/usage',
    role: 'viewer',
    summary: 'Turns, tokens and cost of an agent, day by day',
    params: id,
    query: UsageQuery,
    response: AgentUsage,
  }),
  usage: route({
    method: 'GET',
    path: '/usage',
    role: 'viewer',
    summary: 'What all agents have used today',
    response: FleetUsage,
  }),
  turns_get: route({
    method: 'GET',
    path: '/turns/:id',
    role: 'viewer',
    summary: 'Read a turn, also while it runs',
    params: z.object({ id: TurnId }),
    response: Turn,
  }),
  turns_cancel: route({
    method: 'POST',
    path: '/turns/:id/cancel',
    role: 'operator',
    status: 200,
    summary: 'Cancel a queued turn or interrupt a running one',
    params: z.object({ id: TurnId }),
    response: Turn,
  }),

  approvals_list: route({
    method: 'GET',
    path: '/approvals',
    role: 'viewer',
    summary: 'List requests for approval',
    query: ApprovalListQuery,
    response: ApprovalList,
  }),
  approvals_get: route({
    method: 'GET',
    path: '/approvals/:id',
    role: 'viewer',
    summary: 'Read a request',
    params: z.object({ id: ApprovalId }),
    response: Approval,
  }),
  approvals_approve: route({
    method: 'POST',
    path: '/approvals/:id/approve',
    role: 'operator',
    status: 200,
    summary: 'Let the call run, as asked or edited',
    params: z.object({ id: ApprovalId }),
    body: ApproveRequest,
    response: Approval,
  }),
  approvals_deny: route({
    method: 'POST',
    path: '/approvals/:id/deny',
    role: 'operator',
    status: 200,
    summary: 'Refuse the call; the agent reads the reason',
    params: z.object({ id: ApprovalId }),
    body: DenyRequest,
    response: Approval,
  }),

  registry_status: route({
    method: 'GET',
    path: '/registry/status',
    role: 'viewer',
    summary: 'Where the registry stands',
    response: RegistryStatus,
  }),
  registry_history: route({
    method: 'GET',
    path: '/registry/history',
    role: 'viewer',
    summary: 'Who changed what, newest first',
    query: HistoryQuery,
    response: History,
  }),
  registry_commit: route({
    method: 'GET',
    path: '/registry/commits/:hash',
    role: 'viewer',
    summary: 'One commit with its diff',
    params: z.object({ hash: CommitHash }),
    response: CommitView,
  }),
  registry_diff: route({
    method: 'GET',
    path: '/registry/diff',
    role: 'viewer',
    summary: 'What differs between two commits',
    query: DiffQuery,
    response: RegistryDiff,
  }),
  registry_rollback: route({
    method: 'POST',
    path: '/registry/rollback',
    role: 'admin',
    status: 200,
    summary: 'Go back to a commit by a new one, and reconcile the live agents',
    body: RollbackRequest,
    response: RollbackResult,
  }),

  system_status: route({
    method: 'GET',
    path: '/system/status',
    role: 'viewer',
    summary: 'Components, counts and the model in use',
    response: SystemStatus,
  }),
  system_config: route({
    method: 'GET',
    path: '/system/config',
    role: 'viewer',
    summary: 'The settings in force',
    response: SystemConfig,
  }),
  system_model: route({
    method: 'POST',
    path: '/system/model',
    role: 'admin',
    status: 200,
    summary: 'Use the real Claude or the scripted model',
    body: UseModel,
    response: SystemStatus,
  }),
  system_emergency_stop: route({
    method: 'POST',
    path: '/system/emergency-stop',
    role: 'operator',
    status: 200,
    summary: 'End every agent at once and let none start until it is cleared',
    body: EmergencyStopRequest,
    response: EmergencyStopReply,
  }),
  system_emergency_clear: route({
    method: 'POST',
    path: '/system/emergency-stop/clear',
    role: 'admin',
    status: 200,
    summary: 'Clear the emergency stop; agents that should be active start again',
    response: EmergencyStopReply,
  }),
  events: route({
    method: 'GET',
    path: '/events',
    role: 'viewer',
    summary: 'Live events (SSE), resumable with Last-Event-ID; follow=false for a page',
    query: EventQuery,
    response: EventList,
    streams: true,
  }),
} as const satisfies Record<string, RouteDef>;

export type RouteName = keyof typeof ROUTES;

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;
type Given<S> = S extends z.ZodType ? z.input<S> : undefined;
type Field<N extends RouteName, K extends keyof RouteDef> =
  (typeof ROUTES)[N] extends Record<K, infer S> ? S : undefined;

/** What a controller receives: all three parts parsed. */
export interface RouteInput<N extends RouteName> {
  readonly params: Parsed<Field<N, 'params'>>;
  readonly query: Parsed<Field<N, 'query'>>;
  readonly body: Parsed<Field<N, 'body'>>;
}

/** What a caller gives; parts that have defaults may be left out. */
export interface RouteCall<N extends RouteName> {
  readonly params?: Given<Field<N, 'params'>>;
  readonly query?: Given<Field<N, 'query'>>;
  readonly body?: Given<Field<N, 'body'>>;
}

export type RouteReply<N extends RouteName> = z.output<(typeof ROUTES)[N]['response']>;
