import type { Task, TaskLog, TaskOverview } from '../../contracts/task.js';
import type { Cli } from '../cli.js';
import { stateCell } from './style.js';
import { type Column, pairs } from './table.js';
import { oneLine, visible } from './text.js';
import { clockTime, relative } from './time.js';

const COLUMNS: readonly Column[] = [
  { head: 'ID' },
  { head: 'AGENT' },
  { head: 'STATUS' },
  { head: 'PRIORITY' },
  { head: 'DUE' },
  { head: 'PROOF' },
  { head: 'TITLE', shrinks: true },
];

/** One line per task. */
export function taskTable(cli: Cli, tasks: readonly Task[]): void {
  cli.printTable(
    COLUMNS,
    tasks.map((task) => [
      task.id,
      task.agent_id,
      stateCell(task.status, cli.style),
      task.priority,
      due(cli, task),
      task.accept.length === 0 ? '' : task.proof,
      task.title,
    ]),
  );
}

function due(cli: Cli, task: Task) {
  if (task.deadline === null) return '';
  const text = relative(task.deadline, cli.now_ms);
  return task.overdue ? { text: `${text} (overdue)`, paint: cli.style.red } : text;
}

/** Everything about one task. */
export function taskView(cli: Cli, task: Task): string {
  const { style, now_ms } = cli;
  const facts = pairs(
    [
      ['task', task.id],
      ['title', task.title],
      ['agent', task.agent_id],
      ['status', stateCell(task.status, style)],
      ['because', task.reason],
      ['priority', task.priority],
      ['progress', task.progress === null ? null : `${task.progress} %`],
      ['due', due(cli, task) || null],
      ['needs', task.dependencies.join(', ') || null],
      ['blocked by', task.blocked_by.join(', ') || null],
      ['asked by', task.requested_by],
      ['part of', task.parent_id],
      ['attempts', String(task.attempts)],
      ['started', task.started_at === null ? null : relative(task.started_at, now_ms)],
      ['ended', task.completed_at === null ? null : relative(task.completed_at, now_ms)],
      ['proof', task.accept.length === 0 ? null : task.proof],
    ],
    style.dim,
  );
  const parts = [
    section(cli, 'description', task.description),
    section(cli, 'result', task.result ?? ''),
    section(cli, 'acceptance', task.accept.map((command) => `$ ${command}`).join('\n')),
    ...(task.evidence?.results ?? []).map((result) =>
      section(
        cli,
        `${result.passed ? '✓' : '✕'} $ ${oneLine(result.command)} → ${result.timed_out ? 'not in time' : (result.exit_code ?? 'ended by a signal')}`,
        result.output || '(no output)',
      ),
    ),
  ];
  return facts + parts.join('');
}

const section = (cli: Cli, head: string, text: string): string =>
  text === '' ? '' : `\n${cli.style.dim(head)}\n${visible(text).replaceAll(/^/gm, '  ')}\n`;

/** A line for each thing that happened. */
export function taskLog(cli: Cli, { entries }: TaskLog): void {
  for (const { timestamp, kind, actor, text } of entries)
    cli.print(
      `${cli.style.dim(clockTime(timestamp))} ${cli.style.cyan(kind.padEnd(10))} ${oneLine(text)} ${cli.style.dim(`by ${actor}`)}\n`,
    );
}

/** Counts, then what needs somebody. */
export function overviewView(
  cli: Cli,
  { overview, agents, blocked_tasks, overdue_tasks, critical_tasks, file_problems }: TaskOverview,
): string {
  const { style } = cli;
  const counts = ['todo', 'in_progress', 'blocked', 'done', 'failed', 'cancelled'] as const;
  const lines = [
    `${overview.total} tasks: ${counts.map((name) => `${overview[name]} ${name.replace('_', ' ')}`).join(', ')}`,
    ...agents.map(
      (agent) =>
        `  ${agent.agent_id}: ${counts
          .filter((name) => agent[name] > 0)
          .map((name) => `${agent[name]} ${name.replace('_', ' ')}`)
          .join(', ')}`,
    ),
  ];
  const list = (head: string, tasks: readonly Task[]): void => {
    if (tasks.length === 0) return;
    lines.push(
      '',
      style.bold(head),
      ...tasks.map(
        (task) =>
          `  ${task.id} ${oneLine(task.title)} (${task.agent_id})${task.reason === null ? '' : style.dim(` ${oneLine(task.reason)}`)}`,
      ),
    );
  };
  list('critical', critical_tasks);
  list('overdue', overdue_tasks);
  list('blocked', blocked_tasks);
  for (const { path, problems } of file_problems)
    lines.push(
      '',
      style.red(`${path} cannot be read; the last good one is in force`),
      ...problems.map(({ line, message }) => `  ${line === null ? '' : `line ${line}: `}${oneLine(message)}`),
    );
  return `${lines.join('\n')}\n`;
}
