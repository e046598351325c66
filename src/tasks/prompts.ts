import type { Evidence } from '../contracts/task.js';
import type { KeptTask } from './model.js';

/** What an agent is told when it shall do a task. */
export function promptFor(task: KeptTask, all: ReadonlyMap<string, KeptTask>): string {
  const results = task.dependencies.flatMap((id) => {
    const other = all.get(id);
    return other?.result == null ? [] : [`- ${id} (${other.agent_id}, ${other.title}): ${other.result}`];
  });
  const goes_on = task.result !== null && results.length > 0;
  return [
    goes_on ? `Task ${task.id} goes on: what it waited for is done.` : `Task ${task.id}: ${task.title}`,
    ...(goes_on ? [] : [`Priority ${task.priority}${task.deadline === null ? '' : `, due ${task.deadline}`}.`]),
    ...(task.from_agent === null ? [] : [`Delegated by agent ${task.from_agent}.`]),
    ...(goes_on || task.description === '' ? [] : ['', task.description]),
    ...(results.length === 0 ? [] : ['', 'Results of the tasks that it waited for:', ...results]),
    ...(task.reason === null || task.attempts <= 1 ? [] : ['', `The attempt before this one failed: ${task.reason}`]),
    ...acceptance(task),
  ].join('\n');
}

/** What it is told when Nox found that the task is not done. */
export function promptAfterFailure(task: KeptTask, evidence: Evidence): string {
  const failed = evidence.results.find((result) => !result.passed);
  const how =
    failed === undefined
      ? 'did not run'
      : failed.timed_out
        ? 'did not end in time'
        : failed.exit_code === null
          ? 'was ended by a signal or could not be run'
          : `ended with exit code ${failed.exit_code}`;
  return [
    `Task ${task.id} (${task.title}) is not done: Nox ran its acceptance in your workspace, and it failed.`,
    `The command ${JSON.stringify(failed?.command ?? '')} ${how}. Its output:`,
    '',
    failed?.output.slice(-8000) ?? '',
    '',
    'Mend it, then end your turn; Nox runs the acceptance again.',
  ].join('\n');
}

const acceptance = ({ accept }: KeptTask): string[] =>
  accept.length === 0
    ? []
    : [
        '',
        'It is done when these commands succeed in your workspace; Nox runs them when your turn has ended:',
        ...accept.map((each) => `- ${JSON.stringify(each)}`),
      ];
