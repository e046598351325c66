import { Inject, Injectable } from '@nestjs/common';
import { ancestors } from '../agents/spawn-limits.js';
import { ApprovalsService } from '../approvals/approvals.service.js';
import type { Actor } from '../contracts/auth.js';
import type { TaskStatus } from '../contracts/task.js';
import { RegistryService } from '../registry/registry.service.js';
import { newTaskId } from '../shared/ids.js';
import { NoxError } from '../shared/nox-error.js';
import type { KeptTask } from './model.js';

/** The agent that an actor is; undefined for people and Nox. */
export const agentOf = ({ name }: Pick<Actor, 'name'>): string | undefined =>
  name.startsWith('agent:') ? name.slice('agent:'.length) : undefined;

/** What agents may do with tasks; people may do what their role says. */
@Injectable()
export class TaskRights {
  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
  ) {}

  /** AGENT_NOT_FOUND. */
  knownAgent(id: string): void {
    if (!this.registry.agents().has(id)) throw new NoxError('AGENT_NOT_FOUND', `No agent has the id ${id}.`);
  }

  /** FORBIDDEN for an agent that has nothing to do with the task. */
  mayTouch(task: KeptTask, actor: Actor): void {
    const agent = agentOf(actor);
    if (agent === undefined || [task.agent_id, task.from_agent].includes(agent)) return;
    if (task.requested_by === actor.name) return;
    throw new NoxError('FORBIDDEN', `Task ${task.id} is none of agent ${agent}.`);
  }

  /** Work for others is delegated, which a person may have to approve; those below an agent are its own to direct. */
  mayCreateFor(agent_id: string, actor: Actor): void {
    const agent = agentOf(actor);
    if (agent === undefined || agent === agent_id || ancestors(agent_id, this.registry.agents()).includes(agent))
      return;
    throw new NoxError(
      'FORBIDDEN',
      `Agent ${agent_id} is not below ${agent}: delegate a task of your own to it instead.`,
    );
  }

  /** What a person wants done, the agent can fail at, not call off; and it does not take up again what has ended. */
  maySetStatus(task: KeptTask, status: TaskStatus, actor: Actor): void {
    const agent = agentOf(actor);
    if (agent === undefined || agent === task.from_agent || task.requested_by === actor.name) return;
    if (status === 'cancelled')
      throw new NoxError('FORBIDDEN', `Only who asked for task ${task.id} can cancel it; say failed, with a note.`);
  }

  /** The proof of an agent's work is not the agent's to change, and commands that it wants run are held to its own rules. */
  async mayAccept(agent_id: string, commands: readonly string[], actor: Actor): Promise<void> {
    const agent = agentOf(actor);
    if (agent === undefined) return;
    for (const command of commands) {
      const call = {
        agent_id: agent,
        session_id: null,
        turn_id: null,
        tool_use_id: `accept:${agent_id}:${newTaskId()}`,
        tool_name: 'Bash',
        input: { command },
        cwd: this.registry.path,
        requires_user_interaction: false,
      };
      const decision = await this.approvals.decide(call, new AbortController().signal, () => undefined);
      if (decision.behavior === 'allow') continue;
      throw new NoxError(
        'FORBIDDEN',
        `The acceptance command ${JSON.stringify(command)} was not allowed: ${decision.reason ?? 'no reason was given'}`,
      );
    }
  }
}
