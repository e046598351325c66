import { type Command, Option } from 'commander';
import type { Agent, AgentStatus, CreateAgent, UpdateAgent } from '../../contracts/agent.js';
import { usageError } from '../cli-error.js';
import { type AgentOptions, agentFields, withUnset, withAgentOptions } from '../agent-options.js';
import { allPages } from '../all-pages.js';
import type { Cli, CliOf } from '../cli.js';
import { examples } from '../help.js';
import { counted } from '../output/text.js';
import { agentTable, agentView, statusLine } from '../output/agent-view.js';
import { agentLogsCommand } from './agent-logs.js';
import { agentPromptCommand } from './agent-prompt.js';
import { agentTopCommand } from './agent-top.js';

/** A stop may use its whole grace, at most two minutes; before a first start the gate is tried. The answer comes after it. */
const LONG_TIMEOUT_MS = 180_000;

/** `nox agent`: make agents, run them, talk to them. */
export function agentCommands(program: Command, cliOf: CliOf): void {
  const agent = program.command('agent').alias('agents').description('make agents, run them, talk to them');
  addCommand(agent, cliOf);
  listCommand(agent, cliOf);
  showCommand(agent, cliOf);
  editCommand(agent, cliOf);
  const act = (name: 'start' | 'hibernate', description: string) =>
    agent
      .command(name)
      .description(description)
      .argument('<id...>', 'agents')
      .action((ids: string[], _: unknown, command: Command) =>
        forEach(cliOf(command), ids, async (client, id) => client.call(`agents_${name}`, { params: { id } })),
      );
  act('start', 'start agents');
  stopCommand(agent, cliOf, 'stop', 'stop agents and all their processes');
  stopCommand(agent, cliOf, 'restart', 'stop and start agents; they keep their conversation');
  interruptCommand(agent, cliOf);
  act('hibernate', 'end the process, keep the session; the next prompt wakes it');
  resetBreakerCommand(agent, cliOf);
  agentPromptCommand(agent, cliOf);
  agentLogsCommand(agent, cliOf);
  agentTopCommand(agent, cliOf);
  removeCommand(agent, cliOf);
}

function addCommand(agent: Command, cliOf: CliOf): void {
  const add = agent
    .command('add')
    .alias('create')
    .description('make an agent')
    .argument('<name>', 'its name; its id is made from it unless --id says otherwise')
    .argument('[args...]', 'after --: more arguments of the command')
    .option('--id <id>', '3 to 50 of a-z, 0-9 and "-"')
    .addOption(new Option('--runtime <runtime>', 'what drives it').choices(['claude', 'command']))
    .option('--start', 'start it at once');
  withAgentOptions(add).action(async (name: string, args: string[], options: AddOptions, command: Command) => {
    const cli = cliOf(command);
    const fields = await agentFields(cli, options, args);
    const runtime = options.runtime ?? (fields.command === undefined ? undefined : 'command');
    const { id, start } = options;
    const body = { ...fields, name, id, start, runtime } as Partial<CreateAgent> & { name: string };
    const made = await (
      await cli.client()
    ).call('agents_create', { body: defined(body) }, { timeout_ms: LONG_TIMEOUT_MS });
    cli.answer(made, () => {
      cli.print(`${made.id}\n`);
      cli.say(start === true ? statusLine(cli, made) : `Start it with: nox agent start ${made.id}`);
    });
  });
  examples(add, [
    ['nox agent add Lead --prompt "You plan and review." --start', 'a Claude agent that runs at once'],
    ['nox agent add worker --prompt-file worker.md --cwd ../shop --model sonnet', 'its prompt from a file'],
    ['nox agent add echo --runtime command -- node echo.mjs --slow', 'any program that speaks the protocol'],
  ]);
}

type AddOptions = AgentOptions & {
  readonly id?: string;
  readonly runtime?: 'claude' | 'command';
  readonly start?: true;
};

function listCommand(agent: Command, cliOf: CliOf): void {
  agent
    .command('ls')
    .alias('list')
    .description('list agents')
    .option('--status <word>', 'only those, as idle, busy, waiting, failed')
    .option('--capability <name>', 'only those that have it')
    .action(async (options: { status?: Agent['status']; capability?: string }, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const { items: agents, pagination } = await allPages(async (page) => {
        const reply = await client.call('agents_list', { query: { ...defined(options), ...page } });
        return { items: reply.agents, pagination: reply.pagination };
      });
      cli.answer({ agents, pagination }, () => {
        if (agents.length > 0) agentTable(cli, agents);
        else if (Object.keys(options).length > 0) cli.say('No agent is like that.');
        else cli.say('There are no agents yet. Make one: nox agent add NAME --prompt TEXT --start');
      });
    });
}

function showCommand(agent: Command, cliOf: CliOf): void {
  agent
    .command('show')
    .alias('get')
    .description('everything about one agent')
    .argument('<id>')
    .action(async (id: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const found = await (await cli.client()).call('agents_get', { params: { id } });
      cli.answer(found, () => cli.print(agentView(cli, found)));
    });
}

function editCommand(agent: Command, cliOf: CliOf): void {
  const edit = agent
    .command('edit')
    .alias('set')
    .description('change an agent; it restarts if it must')
    .argument('<id>')
    .argument('[args...]', 'after --: more arguments of the command')
    .option('--name <name>', 'another name')
    .option('--unset <settings...>', 'take a setting away, as model, cwd or budget.usd_per_day');
  withAgentOptions(edit).action(
    async (id: string, args: string[], options: AgentOptions & EditOptions, command: Command) => {
      const cli = cliOf(command);
      const fields = await agentFields(cli, options, args);
      const body: UpdateAgent = defined({ ...withUnset(fields, options.unset), name: options.name });
      if (Object.keys(body).length === 0) throw usageError('Say what to change, as --model or --prompt.');
      const changed = await (await cli.client()).call('agents_update', { params: { id }, body });
      cli.answer(changed, () => cli.say(statusLine(cli, changed)));
    },
  );
}

interface EditOptions {
  readonly name?: string;
  readonly unset?: string[];
}

export const REQUEUE = [
  '--requeue',
  'hand the messages that it was reading over again, instead of cancelling them',
] as const;

function interruptCommand(agent: Command, cliOf: CliOf): void {
  agent
    .command('interrupt')
    .description('end the turn that runs; the agent stays')
    .argument('<id...>', 'agents')
    .option(...REQUEUE)
    .action((ids: string[], { requeue }: { requeue?: boolean }, command: Command) =>
      forEach(cliOf(command), ids, (client, id) =>
        client.call('agents_interrupt', { params: { id }, body: { requeue: requeue === true } }),
      ),
    );
}

function stopCommand(agent: Command, cliOf: CliOf, name: 'stop' | 'restart', description: string): void {
  agent
    .command(name)
    .description(description)
    .argument('<id...>', 'agents')
    .option('--force', 'end it now, without asking it first')
    .option('--grace <seconds>', 'how long it may take to end by itself', Number)
    .option(...REQUEUE)
    .action((ids: string[], { force, grace, requeue }: StopFlags, command: Command) => {
      if (grace !== undefined && !(grace >= 0)) throw usageError('--grace takes a number of seconds.');
      const body = defined({ force, requeue, grace_ms: grace === undefined ? undefined : Math.round(grace * 1000) });
      return forEach(cliOf(command), ids, (client, id) =>
        client.call(`agents_${name}`, { params: { id }, body }, { timeout_ms: LONG_TIMEOUT_MS }),
      );
    });
}

interface StopFlags {
  readonly force?: boolean;
  readonly grace?: number;
  readonly requeue?: boolean;
}

function resetBreakerCommand(agent: Command, cliOf: CliOf): void {
  agent
    .command('reset-breaker')
    .description('let agents run again that crashed too often')
    .argument('<id...>', 'agents')
    .action((ids: string[], _: unknown, command: Command) =>
      forEach(cliOf(command), ids, (client, id) => client.call('agents_reset_breaker', { params: { id } })),
    );
}

function removeCommand(agent: Command, cliOf: CliOf): void {
  agent
    .command('rm')
    .alias('remove')
    .description('stop and delete agents; a rollback brings their configuration back')
    .argument('<id...>', 'agents')
    .option('-y, --yes', 'do not ask')
    .action(async (ids: string[], { yes }: { yes?: boolean }, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const found = await Promise.all(ids.map((id) => client.call('agents_get', { params: { id } })));
      await cli.confirm(`${found.map(lossOf).join(' ')} Delete ${ids.join(', ')}?`, yes);
      for (const id of ids) {
        await client.call('agents_delete', { params: { id } }, { timeout_ms: LONG_TIMEOUT_MS });
        cli.answer({ removed: id }, () => cli.say(`Deleted ${id}. Bring it back with: nox registry rollback --last`));
      }
    });
}

/** What a deletion takes away, in a sentence. */
export function lossOf(agent: Agent): string {
  const lost = [
    agent.process_state === 'running' ? 'its running process' : undefined,
    agent.current_turn_id === null ? undefined : 'the turn that is under way',
    agent.queued_turns > 0 ? counted(agent.queued_turns, 'queued prompt') : undefined,
    agent.pending_approvals > 0 ? counted(agent.pending_approvals, 'waiting approval') : undefined,
    'its session',
  ].filter((part) => part !== undefined);
  return `${agent.id} loses ${lost.join(', ')}.`;
}

type Client = Awaited<ReturnType<Cli['client']>>;

/** Does the same to each agent in turn; the first failure ends it. One line per agent. */
async function forEach(
  cli: Cli,
  ids: readonly string[],
  act: (client: Client, id: string) => Promise<AgentStatus>,
): Promise<void> {
  const client = await cli.client();
  for (const id of ids) {
    const status = await act(client, id);
    cli.answer(status, () => cli.say(statusLine(cli, status)));
  }
}

/** Without the fields that were not given. */
const defined = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
