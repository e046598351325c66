import * as z from 'zod';
import { AgentId, MessageId, Timestamp } from './ids.js';
import { ServiceName } from './service.js';
import { MessagePriority, MessageType, Topic } from './message.js';
import { CreateTask, DelegateTask, TaskId, UpdateTask } from './task.js';

/** The server's name: agents see its tools as `mcp__nox__<tool>`. No other server may have it. */
export const TOOLBOX = 'nox';

const Text = z.string().min(1).max(65_536);
const Reason = z.string().min(1).max(2000).describe('Why; a person reads it.');
const Priority = MessagePriority.default('medium').describe(
  'critical interrupts the recipient, high reaches it at its next tool call, medium when its turn ends, low when it is idle.',
);
const Tags = z.array(z.string().min(1).max(50)).max(20);

/** The tools that Nox gives to agents: what each takes, and what a model is told of it. */
export const TOOLS = {
  send_message: {
    description:
      'Send a message to another agent. It is delivered safely, also when that agent is busy or asleep; the answer comes later as a message to you.',
    input: z.strictObject({
      to: z.string().min(1).max(200).describe('Id of an agent, or capability:<name>, or topic:<name>.'),
      content: Text,
      priority: Priority,
      message_type: MessageType.default('direct'),
      reply_to: MessageId.optional().describe('Id of the message that you answer.'),
    }),
  },
  broadcast: {
    description: 'Send a message to all active agents, or to those that listen to a topic. Use it sparingly.',
    input: z.strictObject({ content: Text, priority: Priority, topic: Topic.optional() }),
  },
  read_inbox: {
    description:
      'List messages to you, newest first, with what became of them. Waiting ones are still handed to you by themselves.',
    input: z.strictObject({
      status: z.enum(['queued', 'delivered', 'acked']).optional(),
      from: z.string().max(200).optional().describe('Only from this agent.'),
      limit: z.number().int().min(1).max(50).default(10),
    }),
  },
  query_registry: {
    description: 'Find agents by capability or name: what they can do and whether they are free.',
    input: z.strictObject({
      capability: z.string().max(50).optional(),
      text: z.string().max(100).optional().describe('Part of an id or name.'),
    }),
  },
  create_task: {
    description:
      'Write a task into your task file, or into that of an agent below you. It starts by itself when its agent is free and its dependencies are done.',
    input: z.strictObject({
      ...CreateTask.shape,
      agent_id: AgentId.optional().describe('An agent below you; yourself when left out.'),
      accept: CreateTask.shape.accept.describe('Shell commands that prove that it is done; Nox runs them.'),
    }),
  },
  update_task: {
    description:
      'Report on a task of yours, or change one that you asked for. Your own task is done when your turn ends and its acceptance passes; say failed or blocked, with a note, when you cannot do it.',
    input: z.strictObject({
      task_id: TaskId,
      status: z.enum(['todo', 'in_progress', 'blocked', 'done', 'failed', 'cancelled']).optional(),
      progress: UpdateTask.shape.progress.describe('Percent.'),
      note: UpdateTask.shape.note.describe('What happened, or why; people read it in the log of the task.'),
      title: UpdateTask.shape.title,
      description: UpdateTask.shape.description,
      priority: UpdateTask.shape.priority,
      deadline: UpdateTask.shape.deadline,
      dependencies: UpdateTask.shape.dependencies,
    }),
  },
  delegate_task: {
    description:
      'Give your task, or a part of it, to another agent. A person may have to approve it. The result comes back to you as a message.',
    input: z.strictObject({
      task_id: TaskId.describe('The task that you work on.'),
      to_agent: AgentId,
      delegation_type: DelegateTask.shape.delegation_type.describe(
        'assignment: the whole task is theirs; request: your task waits for this part; collaboration: you go on meanwhile.',
      ),
      title: DelegateTask.shape.title.describe('Of the part.'),
      description: DelegateTask.shape.description.describe('What they shall do.'),
      accept: DelegateTask.shape.accept.describe('Shell commands that prove that it is done.'),
      priority: DelegateTask.shape.priority,
      reason: Reason.optional(),
    }),
  },
  list_services: {
    description: 'List MCP services: those that you can use now, with their tools, and those that you could ask for.',
    input: z.strictObject({}),
  },
  spawn_agent: {
    description: 'Ask for a new agent that works below you. A person approves it first; the answer says its id.',
    input: z.strictObject({
      id: AgentId.optional(),
      name: z.string().trim().min(1).max(80),
      system_prompt: z.string().min(1).max(65_536).describe('What the new agent is for and how it is to work.'),
      capabilities: z
        .array(z.string().regex(/^[a-z0-9][a-z0-9_.-]{0,49}$/i))
        .max(50)
        .default([]),
      reason: Reason,
    }),
  },
  request_approval: {
    description: 'Ask a person before you do something that cannot be undone or concerns others. Wait for the answer.',
    input: z.strictObject({
      action: z.string().min(1).max(4000).describe('What you want to do, exactly.'),
      reason: Reason,
    }),
  },
  request_service: {
    description:
      'Ask for an MCP service whose tools you need: one of the catalogue, or one that others use already. A person decides; you go on meanwhile, and a message tells you when its tools are there, or why not.',
    input: z.strictObject({
      service: ServiceName.describe('Its name; with an image of your own, the name that it shall have.'),
      image: z.string().min(1).max(400).optional().describe('A container image that serves MCP over stdio.'),
      reason: Reason,
    }),
  },
  remember: {
    description: 'Keep a fact for later sessions of yours. Never keep passwords or keys.',
    input: z.strictObject({ text: z.string().min(1).max(4000), tags: Tags.default([]) }),
  },
  recall: {
    description: 'Look up facts that you kept, newest first.',
    input: z.strictObject({
      text: z.string().max(200).optional().describe('Part of the fact.'),
      tag: z.string().max(50).optional(),
      limit: z.number().int().min(1).max(100).default(20),
    }),
  },
} as const;
export type ToolName = keyof typeof TOOLS;
export type ToolInput<N extends ToolName> = z.infer<(typeof TOOLS)[N]['input']>;

/** Tools that wait for a person; the others only do what the agent may do anyway. */
export const GATED_TOOLS: ReadonlySet<string> = new Set<ToolName>(['spawn_agent', 'delegate_task', 'request_approval']);

export const TOOLBOX_EVENTS = {
  /** It seemed to run away, so its turn was ended and the next ones wait until then, or until a person prompts it. */
  'agent.storm': z.object({
    storm: z.enum(['message_flood', 'ping_pong', 'repeated_call', 'spawn_storm']),
    reason: z.string(),
    resume_at: Timestamp,
  }),
  /** A tool of Nox was used: who, what, and what came of it. `caller` is `agent:<id>` or `user:<name>`. */
  'agent.tool_used': z.object({
    caller: z.string(),
    tool: z.string(),
    tool_use_id: z.string().nullable(),
    turn_id: z.string().nullable(),
    is_error: z.boolean(),
    /** Done before, in an earlier attempt at the same message: answered again, not done again. */
    repeated: z.boolean(),
    summary: z.string(),
  }),
} as const;
