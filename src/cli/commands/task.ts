import { Argument, type Command, Option } from 'commander';
import type { RouteCall } from '../../contracts/routes.js';
import type { Task, TaskStatus } from '../../contracts/task.js';
import { allPages } from '../all-pages.js';
import type { CliOf } from '../cli.js';
import { examples } from '../help.js';
import { overviewView, taskTable, taskView } from '../output/task-view.js';
import { taskChangeCommands } from './task-change.js';
import { fullId, PRIORITIES, sayTask, STATUSES, TASK_ID, timeOf } from './task-words.js';

const TYPES = ['assignment', 'request', 'collaboration'] as const;

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
      sayTask(cli, await (await cli.client()).call('tasks_create', { body }));
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
    .option('--blocked', 'those that wait for others')
    .option('--all', 'also those that have ended')
    .action(async (options: ListOptions, command: Command) => {
      const cli = cliOf(command);
      const { agent, overdue, blocked, all } = options;
      const status = blocked === true ? 'blocked' : options.status;
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
        const ended = found.items.length - tasks.length;
        if (tasks.length === 0 && ended > 0) cli.say(`No task is open; ${ended} have ended: nox task ls --all`);
        else if (tasks.length === 0) cli.say('No task is there. Write one: nox task add <agent> "<title>"');
        else taskTable(cli, tasks);
      });
    });
  task
    .command('show')
    .alias('get')
    .description('everything about a task, with the evidence of its acceptance')
    .argument(...TASK_ID)
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const found = await (await cli.client()).call('tasks_get', { params: { id: await fullId(cli, short) } });
      cli.answer(found, () => cli.print(taskView(cli, found)));
    });
  const raise = task
    .command('raise')
    .description('want it sooner: it, and what it still depends on, become at least so urgent')
    .argument(...TASK_ID)
    .addArgument(new Argument('<priority>', 'how urgent').choices(PRIORITIES))
    .option('--reason <text>', 'why; it stands in the log of each')
    .action(async (short: string, priority: Task['priority'], { reason }: { reason?: string }, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      const body = { priority, ...(reason === undefined ? {} : { reason }) };
      const found = await (await cli.client()).call('tasks_priority_request', { params: { id }, body });
      cli.answer(found, () =>
        cli.say(
          found.raised.length === 0
            ? `${id} and what it depends on are that urgent already.`
            : `raised to ${priority}: ${found.raised.join(', ')}`,
        ),
      );
    });
  examples(raise, [
    ['nox task raise 7f3 high --reason "the release is on Friday"', 'it does not stand behind what it needs'],
  ]);
  task
    .command('start')
    .description('start it now')
    .argument(...TASK_ID)
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      sayTask(cli, await (await cli.client()).call('tasks_start', { params: { id: await fullId(cli, short) } }));
    });
  task
    .command('done')
    .description('ask for done: its acceptance commands run first')
    .argument(...TASK_ID)
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      sayTask(cli, await (await cli.client()).call('tasks_done', { params: { id: await fullId(cli, short) } }));
    });
  task
    .command('cancel')
    .description('cancel it, and the turn that works on it')
    .argument(...TASK_ID)
    .option('--reason <text>', 'why; it is kept')
    .option('-y, --yes', 'do not ask')
    .action(async (short: string, { reason, yes }: { reason?: string; yes?: boolean }, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      const client = await cli.client();
      const found = await client.call('tasks_get', { params: { id } });
      if (found.status === 'in_progress')
        await cli.confirm(`${found.agent_id} works on "${found.title}". Cancel it?`, yes);
      sayTask(cli, await client.call('tasks_cancel', { params: { id }, body: reason === undefined ? {} : { reason } }));
    });
  const delegate = task
    .command('delegate')
    .description('give it, or a part of it, to another agent')
    .argument(...TASK_ID)
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
  examples(delegate, [
    ['nox task delegate 7f3 tester', 'the whole of it is tester’s now'],
    ['nox task delegate 7f3 tester --type request --title "Test the form" --ask', 'a part, when a person agrees'],
  ]);
  taskChangeCommands(task, cliOf);
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
  readonly blocked?: boolean;
  readonly all?: boolean;
}

interface DelegateOptions {
  readonly type?: (typeof TYPES)[number];
  readonly title?: string;
  readonly description?: string;
  readonly accept?: string[];
  readonly ask?: boolean;
}
