import type { Task } from '../../contracts/task.js';
import { allPages } from '../all-pages.js';
import type { Cli } from '../cli.js';
import { CliError, usageError } from '../cli-error.js';
import { painted, stateCell } from '../output/style.js';

export const STATUSES = ['todo', 'in_progress', 'blocked', 'done', 'failed', 'cancelled'] as const;
export const PRIORITIES = ['critical', 'high', 'medium', 'low'] as const;
export const TASK_ID = ['<id>', 'its id, or the first characters of it'] as const;

/** How a task is answered that was just changed. */
export function sayTask(cli: Cli, task: Task): void {
  const proof = task.proof === 'running' ? '; its acceptance runs' : '';
  cli.answer(task, () =>
    cli.say(`${task.id} ${painted(stateCell(task.status, cli.words))}${proof}: ${task.title} (${task.agent_id})`),
  );
}

/** A time without a zone is one of this machine. */
export function timeOf(text: string): string {
  const at_ms = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T23:59` : text.replace(' ', 'T'));
  if (Number.isNaN(at_ms)) throw usageError(`${text} is no time, such as 2026-11-30T18:00.`);
  return new Date(at_ms).toISOString();
}

/** The one task that a shortened id means. */
export async function fullId(cli: Cli, short: string): Promise<string> {
  const client = await cli.client();
  const { items } = await allPages(async (page) => {
    const reply = await client.call('tasks_list', { query: page });
    return { items: reply.tasks.map(({ id }) => id), pagination: reply.pagination };
  });
  const wanted = short.startsWith('t-') ? short : `t-${short}`;
  if (items.includes(wanted)) return wanted;
  const [id, other] = items.filter((each) => each.startsWith(wanted));
  if (id === undefined) throw new CliError('TASK_NOT_FOUND', `No task has an id like ${short}.`);
  if (other !== undefined) throw usageError(`${short} may mean ${id} or ${other}; say more of it.`);
  return id;
}
