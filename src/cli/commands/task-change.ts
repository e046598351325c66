import { type Command, Option } from 'commander';
import type { RouteCall } from '../../contracts/routes.js';
import type { Task } from '../../contracts/task.js';
import type { Cli, CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { taskLog } from '../output/task-view.js';
import { sayState } from './agent-logs.js';
import { fullId, PRIORITIES, sayTask, STATUSES, TASK_ID, timeOf } from './task-words.js';

type Patch = NonNullable<RouteCall<'tasks_update'>['body']>;

interface EditOptions {
  readonly title?: string;
  readonly description?: string;
  readonly priority?: Task['priority'];
  readonly deadline?: string | false;
  readonly depends?: string[] | false;
  readonly accept?: string[] | false;
  readonly progress?: string;
  readonly status?: Task['status'];
  readonly note?: string;
}

/** `nox task edit | rm | log`. */
export function taskChangeCommands(task: Command, cliOf: CliOf): void {
  const edit = task
    .command('edit')
    .description('change it; what is not named stays')
    .argument(...TASK_ID)
    .option('--title <text>', 'what, in one line')
    .option('--description <text>', 'the whole of it')
    .addOption(new Option('--priority <priority>', 'how urgent').choices(PRIORITIES))
    .option('--deadline <time>', 'until when, as 2026-11-30T18:00')
    .option('--no-deadline', 'without one')
    .option('--depends <id...>', 'tasks that must be done first, instead of those before')
    .option('--no-depends', 'it waits for none')
    .option('--accept <command...>', 'commands that must succeed before it is done, instead of those before')
    .option('--no-accept', 'nothing is to be proved')
    .option('--progress <percent>', '0 to 100')
    .addOption(new Option('--status <status>', 'as if its line were moved').choices(STATUSES))
    .option('--note <text>', 'for its log')
    .action(async (short: string, options: EditOptions, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      const body = await patchOf(cli, options);
      if (Object.keys(body).length === 0) throw usageError('Nothing was named that is to change; see --help.');
      sayTask(cli, await (await cli.client()).call('tasks_update', { params: { id }, body }));
    });
  examples(edit, [
    ['nox task edit 7f3 --priority critical --deadline 2026-11-30T18:00', 'it is wanted sooner'],
    ['nox task edit 7f3 --status todo --note "the key is there now"', 'take up again what has failed'],
  ]);
  task
    .command('rm')
    .alias('delete')
    .description('take it out of its file; one that is open is cancelled. “edit --status todo” brings it back')
    .argument(...TASK_ID)
    .option('-y, --yes', 'do not ask')
    .action(async (short: string, { yes }: { yes?: boolean }, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      const client = await cli.client();
      const found = await client.call('tasks_get', { params: { id } });
      await cli.confirm(`Take "${found.title}" out of tasks/${found.agent_id}.md?`, yes);
      sayTask(cli, await client.call('tasks_delete', { params: { id } }));
    });
  const log = task
    .command('log')
    .description('what happened to it')
    .argument(...TASK_ID)
    .option('-f, --follow', 'go on with what comes, until it has ended or Ctrl-C')
    .action(async (short: string, { follow }: { follow?: boolean }, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      if (follow === true) return followLog(cli, id);
      const found = await (await cli.client()).call('tasks_log', { params: { id } });
      cli.answer(found, () => taskLog(cli, found));
    });
  examples(log, [['nox task log 7f3 -f', 'look on while an agent works at it']]);
}

async function patchOf(cli: Cli, options: EditOptions): Promise<Patch> {
  const { deadline, depends, accept, progress, ...rest } = options;
  return {
    ...rest,
    ...(deadline === undefined ? {} : { deadline: deadline === false ? null : timeOf(deadline) }),
    ...(depends === undefined
      ? {}
      : { dependencies: depends === false ? [] : await Promise.all(depends.map((id) => fullId(cli, id))) }),
    ...(accept === undefined ? {} : { accept: accept === false ? [] : accept }),
    ...(progress === undefined ? {} : { progress: Number(progress) }),
  };
}

/** Each entry once, as it comes; with --json one on a line. */
async function followLog(cli: Cli, id: string): Promise<void> {
  const client = await cli.client();
  let seen = 0;
  const show = async (): Promise<void> => {
    const { entries, evidence } = await client.call('tasks_log', { params: { id } });
    for (const entry of entries.filter((each) => each.id > seen)) {
      cli.answer(entry, () => taskLog(cli, { entries: [entry], evidence }));
      seen = entry.id;
    }
  };
  const task = () => client.call('tasks_get', { params: { id } });
  const { agent_id, status } = await task();
  if (ENDED.has(status)) return show();
  const { last_seq } = await client.call('system_status');
  await show();
  if (ENDED.has((await task()).status)) return show();
  const stream = client.events({ after_seq: last_seq, agent_id, areas: ['task'], onState: sayState(cli) });
  for await (const event of stream) {
    if (!('task' in event.payload) || event.payload.task.id !== id) continue;
    await show();
    if (ENDED.has(event.payload.task.status)) return;
  }
}

const ENDED: ReadonlySet<Task['status']> = new Set(['done', 'failed', 'cancelled']);
