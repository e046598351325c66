import { Inject, Injectable } from '@nestjs/common';
import { agentSender, type Sender, userSender } from '../broker/compose.js';
import { MessagesService } from '../broker/messages.service.js';
import type { Delegation, Task } from '../contracts/task.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { isOpen, type KeptTask } from './model.js';
import { TaskBook } from './task-book.js';

const AGAIN_MS = 5000;
/** The broker knows a key for seven days: what is older is not told again. */
const KNOWN_MS = 6 * 86_400_000;
/** The message may be taken later; other refusals stay what they are. */
const PASSING: ReadonlySet<string> = new Set(['BROKER_UNAVAILABLE', 'RESOURCE_LIMIT_EXCEEDED', 'STORAGE_FAILED']);

/**
 * Tells agents of delegated work, through the broker: `task_request` to the one who gets it, `task_response` with the
 * result to the one who gave it. Contract: each is sent once, also over a crash of Nox or while the queue is away.
 */
@Injectable()
export class TaskMail {
  private readonly queue = new KeyedQueue();
  private cancelTimer: () => void = () => undefined;
  private closed = false;
  /** Set by wiring. */
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(TaskBook) private readonly book: TaskBook,
    @Inject(MessagesService) private readonly messages: MessagesService,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** What is owed, by the tasks as they are: after a start, and after the queue was away. */
  catchUp(): void {
    for (const owner of this.book.all().values()) {
      for (const delegation of owner.delegations) {
        const part = this.book.all().get(delegation.task_id ?? '');
        if (delegation.status !== 'delegated' || part === undefined) continue;
        if (!isOpen(part)) void this.returned(part);
        else if (this.isRecent(delegation)) void this.requested(part, delegation);
      }
    }
  }

  close(): void {
    this.closed = true;
    this.cancelTimer();
  }

  /** Tells the agent that gets a task. Never rejects: what could not be sent is sent later. */
  requested(part: KeptTask, { id, from_agent, to_agent, requested_by }: Delegation): Promise<void> {
    if (id === undefined) return Promise.resolve();
    return this.job(part.id, async () => {
      const text = `Task ${part.id} was delegated to you by agent ${from_agent}: ${part.title}`;
      const content = `${text}\nIt stands in your task file; Nox starts it when you are free. There is nothing to do now.`;
      await this.send(senderFor(requested_by, from_agent), {
        to: to_agent,
        from: from_agent,
        message_type: 'task_request',
        content,
        task: part,
        key: `task_request:${id}`,
      });
    });
  }

  /** Tells the result of a delegated task to whoever gave it away. Never rejects. */
  returned(part: KeptTask): Promise<void> {
    return this.job(part.id, async () => {
      const owner = this.book.all().get(part.parent_id ?? part.id);
      const own = (owner?.delegations ?? []).filter(isOpenFor(part));
      const givers = new Set([part.from_agent, ...own.map(({ from_agent }) => from_agent)]);
      for (const to of givers) {
        if (to === null || to === part.agent_id || !this.registry.agents().has(to)) continue;
        await this.send(agentSender(part.agent_id), {
          to,
          from: part.agent_id,
          message_type: 'task_response',
          content: resultText(part),
          task: part,
          key: `task_response:${part.id}:${part.completed_at ?? ''}`,
        });
      }
      if (owner !== undefined && own.length > 0) await this.noteReturned(owner.id, part);
    });
  }

  private async noteReturned(owner: string, part: KeptTask): Promise<void> {
    await this.book.change([], 'nox', (draft) => {
      const task = draft.get(owner);
      if (task === undefined) return;
      const delegations = task.delegations.map((each) =>
        isOpenFor(part)(each) ? { ...each, status: 'returned' as const } : each,
      );
      draft.put({ ...task, delegations });
    });
  }

  private async send(
    sender: Sender,
    letter: {
      readonly to: string;
      readonly from: string;
      readonly message_type: 'task_request' | 'task_response';
      readonly content: string;
      readonly task: Pick<Task, 'id' | 'priority'>;
      readonly key: string;
    },
  ): Promise<void> {
    const { to, from, message_type, content, task, key } = letter;
    // News of a task never cut a turn short, however urgent the task is.
    const priority = task.priority === 'critical' ? 'high' : task.priority;
    await this.messages.send(
      {
        to,
        ...(sender.kind === 'user' ? { from } : {}),
        message_type,
        content,
        priority,
        metadata: { task_id: task.id },
        idempotency_key: `${key}:${to}`,
      },
      sender,
    );
  }

  private isRecent({ at }: Delegation): boolean {
    return at !== undefined && this.clock.now() - Date.parse(at) < KNOWN_MS;
  }

  private async job(id: string, work: () => Promise<void>): Promise<void> {
    try {
      await this.queue.run(id, work);
    } catch (error) {
      if (this.closed) return;
      this.warn('an agent was not told of a delegated task', { task_id: id, reason: messageOf(error) });
      if (!(error instanceof NoxError) || !PASSING.has(error.code)) return;
      this.cancelTimer();
      this.cancelTimer = this.clock.after(AGAIN_MS, () => this.catchUp());
    }
  }
}

const isOpenFor =
  (part: Pick<KeptTask, 'id'>) =>
  ({ task_id, status }: Delegation): boolean =>
    task_id === part.id && status === 'delegated';

/** An agent is proved by its call, a person by the login; Nox speaks for neither. */
function senderFor(requested_by: string | undefined, from_agent: string): Sender {
  if (requested_by?.startsWith('agent:') === true) return agentSender(requested_by.slice('agent:'.length));
  if (requested_by === undefined || ['nox', 'policy', 'external'].includes(requested_by))
    return { kind: 'system', from: from_agent, sent_by: 'system' };
  return userSender(requested_by);
}

function resultText(task: KeptTask): string {
  const how =
    task.status === 'done' ? 'is done' : `is ${task.status}${task.reason === null ? '' : ` (${task.reason})`}`;
  const proof = task.proof === 'passed' ? ' Its acceptance passed.' : '';
  const result = task.result === null ? '' : `\n\n${task.result}`;
  return `Task ${task.id} (${task.title}) ${how}.${proof}${result}`;
}
