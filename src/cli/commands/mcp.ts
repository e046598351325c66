import type { Command } from 'commander';
import type { CliOf } from '../cli.js';
import { Exit, usageError } from '../cli-error.js';
import { oneLine, plain } from '../output/text.js';
import { installCommand } from './mcp-install.js';
import { several } from '../several.js';
import { listView, sayState, serviceView, statsView, untilUp } from './mcp-views.js';

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
  installCommand(mcp, cliOf);
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
      const settled = verb === 'stop' ? service : await untilUp(cli, name);
      cli.answer(settled, () => sayState(cli, settled));
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
  one('stats', 'memory, processor and processes of its containers').action(
    async (name: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const stats = await (await cli.client()).call('services_stats', { params: { name } });
      cli.answer(stats, () => cli.print(statsView(stats)));
    },
  );
  one('update', 'change a service; its containers are made anew if they must')
    .option('--image <image@sha256:…>', 'other bytes')
    .option('--allow <tool>', 'agents may call this tool, and only those named', several, [])
    .option('--deny <tool>', 'agents may not call this tool', several, [])
    .option('--calls-per-min <n>', 'how often an agent may call it')
    .option('--memory-mb <n>', 'how much memory it may use')
    .action(async (name: string, options: UpdateOptions, command: Command) => {
      const cli = cliOf(command);
      const service = await (await cli.client()).call('services_update', { params: { name }, body: patchOf(options) });
      cli.answer(service, () => sayState(cli, service));
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
      // What the tool itself calls an error is its answer, but no success.
      if (reply.is_error) throw new Exit(1);
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

interface UpdateOptions {
  readonly image?: string;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly callsPerMin?: string;
  readonly memoryMb?: string;
}

function patchOf({ image, allow, deny, callsPerMin, memoryMb }: UpdateOptions) {
  const limits = {
    ...(callsPerMin === undefined ? {} : { calls_per_min: Number(callsPerMin) }),
    ...(memoryMb === undefined ? {} : { memory_mb: Number(memoryMb) }),
  };
  const patch = {
    ...(image === undefined ? {} : { image }),
    ...(allow.length === 0 ? {} : { allowed_tools: [...allow] }),
    ...(deny.length === 0 ? {} : { denied_tools: [...deny] }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
  if (Object.keys(patch).length === 0) throw usageError('Say what to change, as --deny delete_repository.');
  return patch;
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
