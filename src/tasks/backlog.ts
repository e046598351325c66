import { Inject, Injectable } from '@nestjs/common';
import { Backlog } from '../approvals/ports.js';
import { openMessages } from '../broker/message-queries.js';
import { MessageBook } from '../broker/message-book.js';
import type { WaitsBehind } from '../contracts/approval.js';
import { RegistryService } from '../registry/registry.service.js';
import { TurnStore } from '../sessions/turn-store.js';
import { isOpen, type KeptTask } from './model.js';
import { TaskBook } from './task-book.js';

type OpenTask = Pick<KeptTask, 'id' | 'agent_id' | 'status' | 'dependencies' | 'from_agent'>;

/** What cannot go on while an agent stands still: its prompts, messages and tasks, and who waits for those. */
@Injectable()
export class WorkBacklog extends Backlog {
  constructor(
    @Inject(TurnStore) private readonly turns: TurnStore,
    @Inject(MessageBook) private readonly messages: MessageBook,
    @Inject(TaskBook) private readonly tasks: TaskBook,
    @Inject(RegistryService) private readonly registry: RegistryService,
  ) {
    super();
  }

  override behind(agent_ids: ReadonlySet<string>): ReadonlyMap<string, WaitsBehind> {
    if (agent_ids.size === 0) return new Map();
    const open = [...this.tasks.all().values()].filter(isOpen);
    const mail = Map.groupBy(openMessages(this.messages.db), ({ recipient }) => recipient);
    const known = this.registry.agents();
    const entries = [...agent_ids].map((id): [string, WaitsBehind] => {
      const work = tasksBehind(id, open);
      const letters = mail.get(id) ?? [];
      const senders = letters.map(({ sender }) => sender).filter((sender) => known.has(sender));
      const waiting = new Set([...work.agents, ...senders]);
      waiting.delete(id);
      const messages = letters.reduce((sum, { n }) => sum + n, 0);
      return [id, { turns: this.turns.queuedCount(id), messages, tasks: work.tasks, agents: waiting.size }];
    });
    return new Map(entries);
  }
}

/** The open tasks of an agent with all that depend on them, and the agents that wait for any of these. */
export function tasksBehind(agent_id: string, open: readonly OpenTask[]): { tasks: number; agents: Set<string> } {
  const behind = new Set(open.filter((task) => task.agent_id === agent_id));
  // Grows while it is walked: what depends on something that waits, waits, too.
  for (const { id } of behind) {
    for (const task of open) if (task.dependencies.includes(id)) behind.add(task);
  }
  const agents = [...behind].flatMap((task) => [task.agent_id, ...(task.from_agent === null ? [] : [task.from_agent])]);
  return { tasks: behind.size, agents: new Set(agents.filter((id) => id !== agent_id)) };
}
