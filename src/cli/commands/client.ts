import { type Command, Option } from 'commander';
import type { RouteCall } from '../../contracts/routes.js';
import type { CliOf } from '../cli.js';
import { examples } from '../help.js';
import { relative } from '../output/time.js';
import { wholeNumber } from '../agent-options.js';

interface AddOptions {
  readonly role: 'viewer' | 'operator' | 'admin';
  readonly agent?: string;
  readonly days?: number;
}

/** `nox client`: MCP clients outside, such as an editor or another assistant, that use the toolbox at `/mcp`. */
export function clientCommands(program: Command, cliOf: CliOf): void {
  const client = program.command('client').description('MCP clients outside that use Nox’s tools at /mcp');
  const add = client
    .command('add')
    .description('make a token for an MCP client, and print what its configuration needs; it is shown this once')
    .argument('<name>', 'what you call it: a-z, 0-9, ".", "_" and "-"')
    .addOption(
      new Option('--role <role>', 'look only, or do things; at most your own role')
        .choices(['viewer', 'operator', 'admin'])
        .default('operator'),
    )
    .option('--agent <id>', 'it acts on behalf of this agent: its inbox, its memory, its approvals')
    .option('--days <n>', 'how long the token is good (90)', wholeNumber)
    .action(async (name: string, { role, agent, days }: AddOptions, command: Command) => {
      const cli = cliOf(command);
      const body: NonNullable<RouteCall<'clients_create'>['body']> = {
        name,
        role,
        ...(days === undefined ? {} : { expires_in_days: days }),
      };
      const made = await (await cli.client()).call('clients_create', { body });
      const url = `${cli.url}/mcp${agent === undefined ? '' : `?agent=${encodeURIComponent(agent)}`}`;
      const config = { mcpServers: { nox: { type: 'http', url, headers: { Authorization: `Bearer ${made.token}` } } } };
      cli.answer({ ...made, config }, () => {
        cli.say(`A token for ${made.username}+${made.name} (${made.role}), good until ${made.expires_at}.`);
        cli.say('Put this into the configuration of the client; Nox keeps only a hash and cannot show it again:');
        cli.print(`${JSON.stringify(config, null, 2)}\n`);
      });
    });
  examples(add, [
    ['nox client add laptop --role viewer', 'a client that only looks'],
    ['nox client add ide --agent lead > .mcp.json', 'one that speaks for an agent'],
  ]);
  client
    .command('ls')
    .alias('list')
    .description('list your clients; an admin sees those of all')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const reply = await (await cli.client()).call('clients_list');
      cli.answer(reply, ({ clients }) =>
        cli.printTable(
          [{ head: 'NAME' }, { head: 'USER' }, { head: 'ROLE' }, { head: 'ENDS' }],
          clients.map((each) => [each.name, each.username, each.role, relative(each.expires_at, cli.now_ms)]),
        ),
      );
    });
  client
    .command('rm')
    .alias('remove')
    .description('end the token of a client of yours')
    .argument('<name>')
    .action(async (name: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      await (await cli.client()).call('clients_delete', { params: { name } });
      cli.answer({ removed: name }, () => cli.say(`The token of ${name} is good no more.`));
    });
}
