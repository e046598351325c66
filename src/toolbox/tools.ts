import { Inject, Injectable } from '@nestjs/common';
import { AgentsService } from '../agents/agents.service.js';
import { agentSender, type Sender, userSender } from '../broker/compose.js';
import { MessagesService } from '../broker/messages.service.js';
import type { Actor, Role } from '../contracts/auth.js';
import type { Message } from '../contracts/message.js';
import { BroadcastMessage, SendMessage } from '../contracts/message.js';
import { type Task, UpdateTask } from '../contracts/task.js';
import type { ToolInput, ToolName } from '../contracts/toolbox.js';
import { RegistryService } from '../registry/registry.service.js';
import { Installer } from '../services/installer.js';
import { NoxError, validationError } from '../shared/nox-error.js';
import { TasksService } from '../tasks/tasks.service.js';
import { Memory } from './memory.js';
import { ServiceList } from './service-list.js';

/** Who uses a tool, proved by the pipe or by a login. */
export type Caller =
  { readonly kind: 'agent'; readonly id: string; readonly message_id: string | undefined } | UserCaller;

export interface UserCaller {
  readonly kind: 'user';
  readonly name: string;
  readonly role: Role;
  /** The agent on whose behalf, whose inbox and memory it is; the user answers for it. */
  readonly agent_id: string | undefined;
}

export interface ToolUseContext {
  readonly caller: Caller;
  /** The same for each try of the same deed: what is done under it is done once. */
  readonly key: string;
}

type Handler<N extends ToolName> = (input: ToolInput<N>, context: ToolUseContext) => Promise<object> | object;

/** What each tool does. Contract: every deed goes through the service that owns it, with the caller's own rights. */
@Injectable()
export class ToolHandlers {
  constructor(
    @Inject(MessagesService) private readonly messages: MessagesService,
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(TasksService) private readonly tasks: TasksService,
    @Inject(ServiceList) private readonly services: ServiceList,
    @Inject(Memory) private readonly memory: Memory,
    @Inject(Installer) private readonly installer: Installer,
  ) {}

  readonly all: { readonly [N in ToolName]: Handler<N> } = {
    send_message: async (input, { caller, key }) => {
      const body = parsed(SendMessage, { ...input, ...onBehalf(caller), idempotency_key: key });
      const { recipients, refused, priority } = await this.messages.send(body, senderOf(caller));
      return { sent: recipients, ...(refused.length === 0 ? {} : { refused }), priority };
    },
    broadcast: async (input, { caller, key }) => {
      const body = parsed(BroadcastMessage, { ...input, ...onBehalf(caller), idempotency_key: key });
      const { messages, refused } = await this.messages.broadcast(body, senderOf(caller));
      return { sent: messages.map(({ id, to }) => ({ agent_id: to, message_id: id })), refused };
    },
    read_inbox: ({ status, from, limit }, { caller }) => {
      const to = agentOf(caller);
      const { messages, pagination } = this.messages.list({ to, status, from, limit, page: 1 });
      return { messages: messages.map(shownMessage), total: pagination.total };
    },
    query_registry: ({ capability, text }) => ({ agents: this.find(capability, text) }),
    spawn_agent: async ({ id, name, system_prompt, capabilities }, { caller }) => {
      const parent_id = idOf(caller);
      const parent = parent_id === undefined ? undefined : this.registry.agents().get(parent_id);
      const body = {
        id,
        name,
        system_prompt,
        capabilities,
        // The child is of its parent's kind: it cannot get a program or a variable that the parent has not.
        runtime: parent?.runtime ?? ('claude' as const),
        model: parent?.model,
        command: parent?.command,
        // Secrets of a parent are not its child's; only a program of one's own cannot start without its variables.
        env: parent?.runtime === 'command' ? parent.env : undefined,
        parent_id,
        start: true,
      };
      const made = await this.agents.create(body, actorOf(caller));
      return { agent_id: made.id, name: made.name, status: made.status };
    },
    create_task: async ({ agent_id, ...rest }, { caller, key }) =>
      shownTask(await this.tasks.create({ ...rest, agent_id: agent_id ?? agentOf(caller) }, actorOf(caller), key)),
    update_task: async ({ task_id, ...patch }, { caller }) =>
      shownTask(await this.tasks.update(task_id, parsed(UpdateTask, patch), actorOf(caller))),
    delegate_task: async ({ task_id, ...input }, { caller, key }) => {
      const { reason: _, ...body } = input;
      // Whoever has to agree has agreed to this very call already.
      const handover = { ...body, requires_approval: false };
      const task = await this.tasks.delegate(task_id, handover, actorOf(caller), key);
      const part = task.delegations.find(({ id }) => id === key)?.task_id ?? task_id;
      return { task: shownTask(task), delegated: shownTask(this.tasks.get(part)), to: body.to_agent };
    },
    list_services: (_, { caller }) => ({ services: this.services.forAgent(idOf(caller)) }),
    // It has been approved when it comes here: the question itself was the deed.
    request_approval: ({ action }) => ({ approved: true, action }),
    request_service: async (wish, { caller }) => this.installer.wish(wish, agentOf(caller)),
    remember: async ({ text, tags }, { caller, key }) =>
      this.memory.add(agentOf(caller), { id: key, text, tags, source: nameOf(caller) }),
    recall: async (query, { caller }) => ({ facts: await this.memory.find(agentOf(caller), query) }),
  };

  private find(capability: string | undefined, text: string | undefined): object[] {
    const wanted = text?.toLowerCase();
    return this.agents
      .all()
      .filter((agent) => capability === undefined || agent.capabilities.includes(capability))
      .filter(({ id, name }) => wanted === undefined || `${id} ${name}`.toLowerCase().includes(wanted))
      .map(({ id, name, capabilities, status, parent_id }) => ({ id, name, capabilities, status, parent_id }))
      .sort((a, b) => FREE.indexOf(b.status) - FREE.indexOf(a.status))
      .slice(0, 50);
  }
}

/** The later, the better it can take work now. */
const FREE = ['failed', 'inactive', 'parked', 'waiting', 'busy', 'hibernated', 'idle'];

export const nameOf = (caller: Caller): string =>
  caller.kind === 'agent' ? `agent:${caller.id}` : `user:${caller.name}`;

const senderOf = (caller: Caller): Sender =>
  caller.kind === 'agent' ? agentSender(caller.id, caller.message_id) : userSender(caller.name);

const idOf = (caller: Caller): string | undefined => (caller.kind === 'agent' ? caller.id : caller.agent_id);

const onBehalf = (caller: Caller): { from?: string } =>
  caller.kind === 'user' && caller.agent_id !== undefined ? { from: caller.agent_id } : {};

/** An agent acts with an operator's means and its own rights; a user with those of the login. */
const actorOf = (caller: Caller): Actor =>
  caller.kind === 'agent' ? { name: nameOf(caller), role: 'operator' } : { name: caller.name, role: caller.role };

function agentOf(caller: Caller): string {
  const id = idOf(caller);
  if (id !== undefined) return id;
  throw new NoxError('VALIDATION_ERROR', 'This needs an agent: connect with ?agent=<id> to act on behalf of one.');
}

function parsed<T>(
  schema: { safeParse(value: unknown): { success: boolean; data?: T; error?: unknown } },
  value: unknown,
): T {
  const result = schema.safeParse(value);
  if (!result.success) throw validationError('arguments', result.error as never);
  return result.data as T;
}

const shownMessage = (m: Message): object => ({
  id: m.id,
  from: m.sent_by,
  priority: m.priority,
  status: m.status,
  content: m.content,
  reply_to: m.reply_to,
  created_at: m.created_at,
});

const shownTask = ({ id, agent_id, title, status, progress, blocked_by, reason, proof }: Task): object => ({
  task_id: id,
  agent_id,
  title,
  status,
  ...(progress === null ? {} : { progress }),
  ...(blocked_by.length === 0 ? {} : { blocked_by }),
  ...(reason === null ? {} : { reason }),
  ...(proof === 'none' ? {} : { acceptance: proof }),
});
