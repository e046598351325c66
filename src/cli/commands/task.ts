import { type Command, Option } from 'commander';
import type { RouteCall } from '../../contracts/routes.js';
import type { Task, TaskStatus } from '../../contracts/task.js';
import { allPages } from '../all-pages.js';
import type { Cli, CliOf } from '../cli.js';
import { CliError, usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { painted, stateCell } from '../output/style.js';
import { overviewView, taskLog, taskTable, taskView } from '../output/task-view.js';

const STATUSES = ['todo', 'in_progress', 'blocked', 'done', 'failed', 'cancelled'] as const;
const PRIORITIES = ['critical', 'high', 'medium', 'low'] as const;
const TYPES = ['assignment', 'request', 'collaboration'] as const;
const ID = ['<id>', 'its id, or the first characters of it'] as const;

type Body<N extends 'tasks_create' | 'tasks_delegate'> = NonNullable<RouteCall<N>['body']>;

/** `nox task`: work that people and agents share. */
export function taskCommands(program: Command, cliOf: CliOf): void {
  const task = program.command('task').alias('tasks').description('work that people and agents share');
  const add = task
    .command('add')
    .description('write a task into an agent’s file; it starts by itself')
    .argument('<agent>', 'who shall do it')
    .argument('<title>', 'what, in one line')
    .option('--description <text>', 'the whole of it')
    .addOption(new Option('--priority <priority>', 'how urgent').choices(PRIORITIES))
    .option('--deadline <time>', 'until when, as 2026-11-30T18:00')
    .option('--depends <id...>', 'tasks that must be done first')
    .option('--accept <command...>', 'commands that must succeed before it is done')
    .action(async (agent_id: string, title: string, options: AddOptions, command: Command) => {
      const cli = cliOf(command);
      const { description, priority, deadline, depends, accept } = options;
      const dependencies = depends === undefined ? undefined : await Promise.all(depends.map((id) => fullId(cli, id)));
      const body: Body<'tasks_create'> = {
        agent_id,
        title,
        ...(description === undefined ? {} : { description }),
        ...(priority === undefined ? {} : { priority }),
        ...(deadline === undefined ? {} : { deadline: timeOf(deadline) }),
        ...(dependencies === undefined ? {} : { dependencies }),
        ...(accept === undefined ? {} : { accept }),
      };
      say(cli, await (await cli.client()).call('tasks_create', { body }));
    });
  examples(add, [
    ['nox task add worker "Fix the login form" --priority high', 'it starts as soon as worker can take it'],
    ['nox task add worker "Fix the login form" --accept "npm test -- login"', 'done when the tests say so'],
  ]);
  task
    .command('ls')
    .alias('list')
    .description('list tasks that are open, most urgent first')
    .option('--agent <id>', 'of one agent')
    .addOption(new Option('--status <status>', 'those in this status').choices(STATUSES))
    .option('--overdue', 'those whose deadline has passed')
    .option('--all', 'also those that have ended')
    .action(async (options: ListOptions, command: Command) => {
      const cli = cliOf(command);
      const { agent, status, overdue, all } = options;
      const client = await cli.client();
      const found = await allPages(async (page) => {
        const query = {
          ...page,
          ...(agent === undefined ? {} : { agent_id: agent }),
          ...(status === undefined ? {} : { status }),
          ...(overdue === true ? { overdue: 'true' as const } : {}),
        };
        const reply = await client.call('tasks_list', { query });
        return { items: reply.tasks, pagination: reply.pagination };
      });
      const open = (each: Task): boolean => !['done', 'failed', 'cancelled'].includes(each.status);
      const tasks = all === true || status !== undefined ? found.items : found.items.filter(open);
      cli.answer({ tasks }, () => {
        if (tasks.length === 0) cli.say('No task is there. Write one: nox task add <agent> "<title>"');
        else taskTable(cli, tasks);
      });
    });
  task
    .command('show')
    .alias('get')
    .description('everything about a task, with the evidence of its acceptance')
    .argument(...ID)
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const found = await (await cli.client()).call('tasks_get', { params: { id: await fullId(cli, short) } });
      cli.answer(found, () => cli.print(taskView(cli, found)));
    });
  task
    .command('start')
    .description('start it now')
    .argument(...ID)
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      say(cli, await (await cli.client()).call('tasks_start', { params: { id: await fullId(cli, short) } }));
    });
  task
    .command('done')
    .description('ask for done: its acceptance commands run first')
    .argument(...ID)
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      say(cli, await (await cli.client()).call('tasks_done', { params: { id: await fullId(cli, short) } }));
    });
  task
    .command('cancel')
    .description('cancel it, and the turn that works on it')
    .argument(...ID)
    .option('--reason <text>', 'why; it is kept')
    .option('-y, --yes', 'do not ask')
    .action(async (short: string, { reason, yes }: { reason?: string; yes?: boolean }, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      const client = await cli.client();
      const found = await client.call('tasks_get', { params: { id } });
      if (found.status === 'in_progress')
        await cli.confirm(`${found.agent_id} works on "${found.title}". Cancel it?`, yes);
      say(cli, await client.call('tasks_cancel', { params: { id }, body: reason === undefined ? {} : { reason } }));
    });
  task
    .command('delegate')
    .description('give it, or a part of it, to another agent')
    .argument(...ID)
    .argument('<agent>', 'to whom')
    .addOption(new Option('--type <type>', 'hand over, wait for a part, or go on meanwhile').choices(TYPES))
    .option('--title <text>', 'the part')
    .option('--description <text>', 'the whole of the part')
    .option('--accept <command...>', 'commands that prove the part')
    .option('--ask', 'a person has to agree first')
    .action(async (short: string, to_agent: string, options: DelegateOptions, command: Command) => {
      const cli = cliOf(command);
      const { type, title, description, accept, ask } = options;
      const body: Body<'tasks_delegate'> = {
        to_agent,
        ...(type === undefined ? {} : { delegation_type: type }),
        ...(title === undefined ? {} : { title }),
        ...(description === undefined ? {} : { description }),
        ...(accept === undefined ? {} : { accept }),
        ...(ask === true ? { requires_approval: true } : {}),
      };
      const id = await fullId(cli, short);
      const found = await (await cli.client()).call('tasks_delegate', { params: { id }, body });
      const last = found.delegations.at(-1);
      const waits = last?.status === 'pending' ? `; it waits for approval ${last.approval_id ?? ''}` : '';
      cli.answer(found, () => cli.say(`${id} ${type ?? 'assignment'} to ${to_agent}${waits}`));
    });
  task
    .command('log')
    .description('what happened to it')
    .argument(...ID)
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const log = await (await cli.client()).call('tasks_log', { params: { id: await fullId(cli, short) } });
      cli.answer(log, () => taskLog(cli, log));
    });
  task
    .command('overview')
    .description('how many, and what is blocked, critical or overdue')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const found = await (await cli.client()).call('tasks_overview', {});
      cli.answer(found, () => cli.print(overviewView(cli, found)));
    });
}

interface AddOptions {
  readonly description?: string;
  readonly priority?: Task['priority'];
  readonly deadline?: string;
  readonly depends?: readonly string[];
  readonly accept?: string[];
}

interface ListOptions {
  readonly agent?: string;
  readonly status?: TaskStatus;
  readonly overdue?: boolean;
  readonly all?: boolean;
}

interface DelegateOptions {
  readonly type?: (typeof TYPES)[number];
  readonly title?: string;
  readonly description?: string;
  readonly accept?: string[];
  readonly ask?: boolean;
}

function say(cli: Cli, task: Task): void {
  const proof = task.proof === 'running' ? '; its acceptance runs' : '';
  cli.answer(task, () =>
    cli.say(`${task.id} ${painted(stateCell(task.status, cli.words))}${proof}: ${task.title} (${task.agent_id})`),
  );
}

/** A time without a zone is one of this machine. */
function timeOf(text: string): string {
  const at_ms = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T23:59` : text.replace(' ', 'T'));
  if (Number.isNaN(at_ms)) throw usageError(`${text} is no time, such as 2026-11-30T18:00.`);
  return new Date(at_ms).toISOString();
}

/** The one task that a shortened id means. */
async function fullId(cli: Cli, short: string): Promise<string> {
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
