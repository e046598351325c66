import { type Command, Option } from 'commander';
import type { RouteCall, RouteReply } from '../../contracts/routes.js';
import type { Evaluation, Service } from '../../contracts/service.js';
import type { Cli, CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { painted, stateCell } from '../output/style.js';
import { pairs } from '../output/table.js';
import { oneLine, plain } from '../output/text.js';

type InstallBody = NonNullable<RouteCall<'services_install'>['body']>;

interface InstallOptions {
  readonly image?: string;
  readonly agent?: string;
  readonly env: readonly string[];
  readonly network?: 'none' | 'internal' | 'egress';
  readonly host: readonly string[];
  readonly transport?: 'stdio' | 'http';
  readonly yes?: boolean;
}

const several = (value: string, before: readonly string[]): string[] => [...before, value];

/** `nox mcp`: services that agents use, in containers or as programs. */
export function mcpCommands(program: Command, cliOf: CliOf): void {
  const mcp = program.command('mcp').alias('service').description('MCP services for agents, confined in containers');
  mcp
    .command('search')
    .description('find services in the catalogue')
    .argument('[words...]', 'parts of a name or a description')
    .action(async (words: string[], _: unknown, command: Command) => {
      const cli = cliOf(command);
      const found = await (await cli.client()).call('services_search', { query: { query: words.join(' ') } });
      cli.answer(found, () => {
        if (found.results.length === 0) cli.say('No catalogue knows such a service; it can be installed with --image.');
        else
          cli.printTable(
            [{ head: 'NAME' }, { head: 'IMAGE' }, { head: 'NEEDS' }, { head: 'DESCRIPTION', shrinks: true }],
            found.results.map(({ name, image, env, description, installed }) => [
              `${name}${installed ? ' *' : ''}`,
              image,
              env.map((need) => need.name).join(', '),
              oneLine(description),
            ]),
          );
        if (found.offline !== null) cli.say(`Only the catalogue file was asked: ${found.offline}.`);
      });
    });
  const install = mcp
    .command('install')
    .description('show what is known of a service, ask, then pull, start and attach it')
    .argument('[name]', 'its name in the catalogue, or the name that it shall have')
    .option('--image <image>', 'another image than that of the catalogue')
    .option('--agent <id>', 'give it to this agent')
    .option('--env <NAME=reference>', 'a secret, as NAME=env:NAME or NAME=file:name', several, [])
    .addOption(new Option('--network <network>', 'what it may reach').choices(['none', 'internal', 'egress']))
    .option('--host <name>', 'a host that it may reach, with --network egress', several, [])
    .addOption(new Option('--transport <transport>', 'how it speaks').choices(['stdio', 'http']))
    .option('-y, --yes', 'do not ask')
    .action(async (name: string | undefined, options: InstallOptions, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const body = bodyOf(name, options);
      // Without an agent the first call only judges; with one it would ask in the dashboard, which the person here answers.
      const { agent_id, ...judged } = body;
      const proposal = await client.call('services_install', { body: judged });
      if (proposal.evaluation !== null) cli.say(evaluationView(proposal.evaluation));
      await cli.confirm(`Install ${proposal.name}?`, options.yes);
      const done = await client.call('services_install', {
        body: { ...body, service_name: proposal.name, auto_approve: true },
      });
      cli.answer(done, () =>
        cli.say(
          `${done.name} is being started${agent_id === undefined ? '' : ` for ${agent_id}`}: nox mcp show ${done.name}`,
        ),
      );
    });
  examples(install, [
    ['nox mcp install time --agent lead', 'from the catalogue'],
    ['nox mcp install github --agent lead --env GITHUB_PERSONAL_ACCESS_TOKEN=file:github-token', 'with a secret'],
  ]);
  mcp
    .command('ls')
    .alias('list')
    .description('list services, and whether containers can be had')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const list = await (await cli.client()).call('services_list');
      cli.answer(list, () => listView(cli, list));
    });
  const one = (name: string, text: string) => mcp.command(name).description(text).argument('<name>', 'the service');
  one('show', 'where a service stands').action(async (name: string, _: unknown, command: Command) => {
    const cli = cliOf(command);
    const service = await (await cli.client()).call('services_get', { params: { name } });
    cli.answer(service, () => cli.print(serviceView(service)));
  });
  for (const [verb, text] of [
    ['start', 'start a service'],
    ['stop', 'stop a service; its agents keep it for later'],
    ['restart', 'end its containers and start new ones'],
  ] as const)
    one(verb, text).action(async (name: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const service = await (await cli.client()).call(`services_${verb}`, { params: { name } });
      cli.answer(service, () => sayState(cli, service));
    });
  for (const [verb, text] of [
    ['attach', 'give a service to an agent'],
    ['detach', 'take a service away from an agent'],
  ] as const)
    one(verb, text)
      .argument('<agent>', 'the agent')
      .action(async (name: string, agent_id: string, _: unknown, command: Command) => {
        const cli = cliOf(command);
        const service = await (await cli.client()).call(`services_${verb}`, { params: { name }, body: { agent_id } });
        cli.answer(service, () => cli.say(`${name} is used by ${service.agents.join(', ') || 'nobody'}`));
      });
  one('logs', 'what it wrote')
    .option('-n, --lines <n>', 'how many lines', '200')
    .action(async (name: string, { lines }: { lines: string }, command: Command) => {
      const cli = cliOf(command);
      const found = await (await cli.client()).call('services_logs', { params: { name }, query: { lines } });
      cli.answer(found, () => {
        for (const { line } of found.lines) cli.print(`${plain(line)}\n`);
      });
    });
  one('tools', 'what it can do; those that agents may not call are marked').action(
    async (name: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const found = await (await cli.client()).call('services_tools', { params: { name } });
      cli.answer(found, () =>
        cli.printTable(
          [{ head: 'TOOL' }, { head: 'AGENTS' }, { head: 'DESCRIPTION', shrinks: true }],
          found.tools.map(({ name: tool, allowed, description }) => [
            tool,
            allowed ? 'may' : 'may not',
            oneLine(description),
          ]),
        ),
      );
    },
  );
  one('call', 'call a tool by hand; it is audited')
    .argument('<tool>', 'the tool')
    .argument('[json]', 'its input', '{}')
    .action(async (name: string, tool: string, json: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const reply = await (
        await cli.client()
      ).call('services_call', { params: { name }, body: { tool, input: inputOf(json) } });
      cli.answer(reply, () => {
        for (const part of reply.content) cli.print(`${textOf(part)}\n`);
      });
    });
  one('rm', 'detach a service, end its containers and forget it')
    .alias('remove')
    .option('--image', 'take its image away, too')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, { yes, image = false }: { yes?: boolean; image?: boolean }, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const { agents } = await client.call('services_get', { params: { name } });
      const users = agents.length === 0 ? 'No agent uses it.' : `${agents.join(', ')} will lose it.`;
      await cli.confirm(`${users} Remove ${name} and its containers?`, yes);
      const gone = await client.call('services_remove', {
        params: { name },
        query: image ? { image: 'true' } : {},
      });
      cli.answer(gone, () => cli.say(`${name} is gone; "nox registry undo" brings its configuration back.`));
    });
}

function bodyOf(name: string | undefined, options: InstallOptions): InstallBody {
  if (name === undefined && options.image === undefined) throw usageError('Give a name, or --image.');
  const env = Object.fromEntries(
    options.env.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw usageError(`--env must look like NAME=env:NAME or NAME=file:name, not ${pair}.`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
  return {
    ...(name === undefined ? {} : { service_name: name }),
    ...(options.image === undefined ? {} : { image: options.image }),
    ...(options.agent === undefined ? {} : { agent_id: options.agent }),
    ...(options.network === undefined ? {} : { network: options.network }),
    ...(options.transport === undefined ? {} : { transport: options.transport }),
    ...(options.host.length === 0 ? {} : { egress_hosts: [...options.host] }),
    ...(options.env.length === 0 ? {} : { env }),
  };
}

function inputOf(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below, for both cases.
  }
  throw usageError('The input must be a JSON object, as \'{"text":"hello"}\'.');
}

const textOf = (part: unknown): string =>
  typeof part === 'object' && part !== null && 'text' in part ? plain(String(part.text)) : JSON.stringify(part);

function evaluationView({ image, digest, size_bytes, risk_level, reasons }: Evaluation): string {
  const size = size_bytes === null ? 'not known before it is pulled' : `${(size_bytes / 1_048_576).toFixed(0)} MB`;
  return pairs([
    ['image', image.replace(/@.*$/, '')],
    ['digest', digest ?? 'not known'],
    ['size', size],
    ['risk', `${risk_level}: ${reasons.join('; ')}`],
  ]).trimEnd();
}

function listView(cli: Cli, { services, engine }: RouteReply<'services_list'>): void {
  if (!engine.available) cli.say(`No containers: ${engine.reason ?? ''}`);
  if (services.length === 0) cli.say('No service is installed. Find one with "nox mcp search".');
  else
    cli.printTable(
      [
        { head: 'NAME' },
        { head: 'STATUS' },
        { head: 'TOOLS', align: 'right' },
        { head: 'AGENTS' },
        { head: 'REASON', shrinks: true },
      ],
      services.map(({ name, status, tools, agents, reason }) => [
        name,
        stateCell(status, cli.style),
        tools,
        agents.join(', '),
        oneLine(reason ?? ''),
      ]),
    );
}

function serviceView({ name, kind, status, reason, server, tools, agents, restarts, calls }: Service): string {
  return pairs([
    ['name', name],
    ['kind', kind],
    ['status', `${status}${reason === null ? '' : `: ${oneLine(reason)}`}`],
    ['server', server === null ? '' : plain(`${server.name} ${server.version}`)],
    ['tools', String(tools)],
    ['agents', agents.join(', ')],
    ['restarts', String(restarts)],
    ['calls', calls.map((c) => `${c.agent_id} ${c.calls} (${c.errors} failed, ${c.refused} refused)`).join(', ')],
  ]);
}

const sayState = (cli: Cli, { name, status, reason }: Service): void =>
  cli.say(`${name} ${painted(stateCell(status, cli.words))}${reason === null ? '' : `: ${oneLine(reason)}`}`);
