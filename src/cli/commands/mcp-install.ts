import { type Command, Option } from 'commander';
import type { RouteCall } from '../../contracts/routes.js';
import type { CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { several } from '../several.js';
import { evaluationView, sayState, untilUp } from './mcp-views.js';

type InstallBody = NonNullable<RouteCall<'services_install'>['body']>;

interface InstallOptions {
  readonly image?: string;
  readonly command?: string;
  readonly arg: readonly string[];
  readonly url?: string;
  readonly agent?: string;
  readonly env: readonly string[];
  readonly network?: 'none' | 'internal' | 'egress';
  readonly host: readonly string[];
  readonly transport?: 'stdio' | 'http';
  readonly port?: string;
  readonly path?: string;
  readonly own?: boolean;
  readonly wait: boolean;
  readonly yes?: boolean;
}

/** `nox mcp install`: what is known of it first, then a question, then each step until it runs. */
export function installCommand(mcp: Command, cliOf: CliOf): void {
  const install = mcp
    .command('install')
    .description('show what is known of a service, ask, then pull, start and attach it')
    .argument('[name]', 'its name in the catalogue, or the name that it shall have')
    .option('--image <image>', 'another image than that of the catalogue')
    .option('--command <program>', 'a program of this machine instead of an image')
    .option('--arg <argument>', 'an argument for the image or the program', several, [])
    .option('--url <address>', 'a server elsewhere instead of an image')
    .option('--agent <id>', 'give it to this agent')
    .option('--env <NAME=reference>', 'a secret, as NAME=env:NAME or NAME=file:name', several, [])
    .addOption(new Option('--network <network>', 'what it may reach').choices(['none', 'internal', 'egress']))
    .option('--host <name>', 'a host that it may reach, with --network egress', several, [])
    .addOption(new Option('--transport <transport>', 'how it speaks').choices(['stdio', 'http']))
    .option('--port <n>', 'its port, with --transport http')
    .option('--path <path>', 'its path, with --transport http')
    .option('--own', 'one container for each agent instead of one for all')
    .option('--no-wait', 'do not wait until it runs')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string | undefined, options: InstallOptions, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const body = bodyOf(name, options);
      // Without an agent the first call only judges; with one it would ask in the dashboard, which the person here answers.
      const { agent_id: _, ...judged } = body;
      const proposal = await client.call('services_install', { body: judged });
      if (proposal.evaluation !== null) cli.say(evaluationView(proposal.evaluation));
      await cli.confirm(`Install ${proposal.name}?`, options.yes);
      const done = await client.call('services_install', {
        body: { ...body, service_name: proposal.name, auto_approve: true },
      });
      const service = options.wait ? await untilUp(cli, done.name) : done;
      cli.answer(service, () => sayState(cli, service));
    });
  examples(install, [
    ['nox mcp install time --agent lead', 'from the catalogue'],
    ['nox mcp install github --agent lead --env GITHUB_PERSONAL_ACCESS_TOKEN=file:github-token', 'with a secret'],
    ['nox mcp install files --command mcp-files --arg /srv/docs', 'a program of this machine'],
  ]);
}

function bodyOf(name: string | undefined, options: InstallOptions): InstallBody {
  const { image, command, url, agent, network, transport, port, path } = options;
  if (name === undefined && image === undefined) throw usageError('Give a name, or --image.');
  const env = Object.fromEntries(
    options.env.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw usageError(`--env must look like NAME=env:NAME or NAME=file:name, not ${pair}.`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
  const given = { service_name: name, image, command, url, agent_id: agent, network, transport, path };
  return {
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as InstallBody),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(options.own === true ? { shared: false } : {}),
    ...(options.arg.length === 0 ? {} : { args: [...options.arg] }),
    ...(options.host.length === 0 ? {} : { egress_hosts: [...options.host] }),
    ...(options.env.length === 0 ? {} : { env }),
  };
}
