import { Inject, Injectable } from '@nestjs/common';
import { ApprovalsService } from '../approvals/approvals.service.js';
import type { Actor } from '../contracts/auth.js';
import type { CreateTask, DelegateTask, Delegation } from '../contracts/task.js';
import { redact } from '../registry/redact.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { newId, taskIdOf } from '../shared/ids.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import type { Draft } from './draft.js';
import { withStatus } from './ingest.js';
import { isOpen } from './model.js';
import { defined, freshTask, mustHave } from './new-task.js';
import { TaskBook } from './task-book.js';
import { TaskMail } from './task-mail.js';
import { TaskRights } from './task-rights.js';

/** One delegation under way. */
interface Handover {
  readonly id: string;
  readonly from: string;
  readonly body: DelegateTask;
  /** Who wanted it. */
  readonly requested_by: string;
  /** The name of the delegation. */
  readonly key: string;
}

/** Tasks, or parts of them, that one agent gives to another: both files in one change, both agents told. */
@Injectable()
export class Delegations {
  /** Set by wiring. */
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(TaskBook) private readonly book: TaskBook,
    @Inject(TaskRights) private readonly rights: TaskRights,
    @Inject(TaskMail) private readonly mail: TaskMail,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Tells what an earlier Nox owed. What waited for a person then is off: nobody can agree to it any more. */
  async start(): Promise<void> {
    for (const { id, delegations } of this.book.all().values()) {
      const left = delegations.filter(({ status }) => status === 'pending');
      for (const each of left) await this.note(id, { ...each, status: 'denied' }, 'nox');
    }
    this.mail.catchUp();
  }

  /**
   * With `requires_approval` it resolves at once with the delegation pending, and goes on when a person has decided. A
   * second call with the same `key`, a sha256 in hex, changes nothing.
   */
  async delegate(id: string, body: DelegateTask, actor: Actor, key?: string): Promise<void> {
    const task = this.book.get(id);
    this.rights.mayTouch(task, actor);
    if (key !== undefined && task.delegations.some((each) => each.id === key)) return;
    const { agent_id: from } = task;
    if (body.from_agent !== undefined && body.from_agent !== from)
      throw new NoxError('INVALID_STATE', `Task ${id} is in the file of ${from}, not of ${body.from_agent}.`);
    this.rights.knownAgent(body.to_agent);
    if (body.to_agent === from)
      throw new NoxError('VALIDATION_ERROR', 'to_agent: is the agent that has the task', [
        { field: 'to_agent', message: 'is the agent that has the task' },
      ]);
    if (!isOpen(task)) throw new NoxError('INVALID_STATE', `Task ${id} has ended; nothing of it can be delegated.`);
    if (body.accept !== undefined) await this.rights.mayAccept(body.to_agent, body.accept, actor);
    const handover = { id, from, body, requested_by: actor.name, key: key ?? newId('evt') };
    if (body.requires_approval) await this.asked(handover);
    else await this.handOver(handover, actor.name, null);
  }

  /** Resolves when the question stands. */
  private asked(handover: Handover): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.askThenHandOver(handover, resolve).catch((error: unknown) => {
        this.warn('a delegation was not carried out', { task_id: handover.id, reason: messageOf(error) });
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      });
    });
  }

  private async askThenHandOver(handover: Handover, asked: () => void): Promise<void> {
    const { id, from, body, requested_by } = handover;
    const { to_agent, delegation_type } = body;
    const input = { task_id: id, title: body.title ?? this.book.get(id).title, to_agent, delegation_type };
    const waiting = this.delegationOf(handover, null, 'pending', null);
    let noted: Promise<void> = Promise.resolve();
    const decision = await this.approvals.decide(
      {
        agent_id: from,
        session_id: null,
        turn_id: null,
        tool_use_id: `delegate:${id}:${this.book.freshId()}`,
        tool_name: 'delegate_task',
        input,
        cwd: this.registry.path,
        requires_user_interaction: false,
        asked: {
          request_type: 'task_delegation',
          risk: { level: 'medium', reasons: [`gives work of ${from} to ${to_agent}`] },
        },
      },
      new AbortController().signal,
      (approval_id) => {
        noted = this.note(id, { ...waiting, approval_id }, requested_by).finally(asked);
      },
    );
    await noted;
    if (decision.behavior === 'allow') await this.handOver(handover, decision.by, decision.approval_id);
    else await this.note(id, { ...waiting, approval_id: decision.approval_id, status: 'denied' }, decision.by);
    asked();
  }

  private async handOver(handover: Handover, actor: string, approval_id: string | null): Promise<void> {
    const { id, from, body, key } = handover;
    const { to_agent, delegation_type: type } = body;
    const part = type === 'assignment' ? id : key.length === 64 ? taskIdOf(key) : this.book.freshId();
    const delegation = this.delegationOf(handover, part, 'delegated', approval_id);
    await this.book.change([from, to_agent], actor, (draft) => {
      const task = mustHave(draft, id);
      if (task.agent_id !== from || !isOpen(task))
        throw new NoxError('INVALID_STATE', `Task ${id} can no longer be delegated.`);
      const now = this.clock.iso();
      if (type === 'assignment') {
        draft.put({
          ...withStatus(task, 'todo', now),
          agent_id: to_agent,
          from_agent: from,
          ...(body.title === undefined ? {} : { title: redact(body.title) }),
          ...(body.description === undefined ? {} : { description: redact(body.description) }),
          ...defined({ priority: body.priority, accept: body.accept }),
        });
      } else {
        const given: CreateTask = {
          agent_id: to_agent,
          title: body.title ?? task.title,
          description: body.description ?? task.description,
          priority: body.priority ?? task.priority,
          deadline: task.deadline,
          dependencies: [],
          accept: body.accept ?? [],
        };
        draft.put({ ...freshTask(part, given, `agent:${from}`, now), from_agent: from, parent_id: id });
        if (type === 'request') draft.put({ ...task, dependencies: [...task.dependencies, part], updated_at: now });
      }
      this.putDelegation(draft, id, delegation);
    });
    void this.mail.requested(this.book.get(part), delegation);
  }

  private delegationOf(
    { from, body, requested_by, key }: Handover,
    task_id: string | null,
    status: Delegation['status'],
    approval_id: string | null,
  ): Delegation {
    const { delegation_type: type, to_agent } = body;
    const at = this.clock.iso();
    return { type, from_agent: from, to_agent, task_id, status, approval_id, id: key, at, requested_by };
  }

  private async note(id: string, delegation: Delegation, actor: string): Promise<void> {
    await this.book.change([], actor, (draft) => this.putDelegation(draft, id, delegation));
  }

  private putDelegation(draft: Draft, id: string, delegation: Delegation): void {
    const task = mustHave(draft, id);
    const others = task.delegations.filter(
      (each) => each.status !== 'pending' || each.approval_id !== delegation.approval_id,
    );
    draft.put({ ...task, delegations: [...others, delegation], updated_at: this.clock.iso() });
    draft.delegations.push({ task_id: id, delegation });
    draft.log(id, 'delegated', `${delegation.status}: ${delegation.type} to ${delegation.to_agent}`);
  }
}
