import type { Command } from 'commander';
import type { RemoteRequest, RemoteStatus } from '../../contracts/registry.js';
import type { Cli, CliOf } from '../cli.js';
import { CliError, usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { pairs } from '../output/table.js';
import { oneLine } from '../output/text.js';
import { relative } from '../output/time.js';

const PUSH_TIMEOUT_MS = 3_700_000;

interface SetOptions {
  readonly token?: string;
  readonly user?: string;
  readonly every?: string;
}

/** `nox registry remote | push`: a copy elsewhere. */
export function remoteCommands(registry: Command, cliOf: CliOf): void {
  const remote = registry
    .command('remote')
    .description('a copy of the registry on a git server, kept up in the background');
  remote
    .command('show', { isDefault: true })
    .description('where the copy is and how it stands')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const status = await (await cli.client()).call('registry_remote');
      cli.answer(status, () => cli.print(remoteView(cli, status)));
    });
  const set = remote
    .command('set')
    .description('push to this address from now on')
    .argument('<url>', 'https://…, ssh://…, user@host:path, file:///… or an absolute path')
    .option('--token <reference>', 'env:NAME of the server, or file:NAME in .nox/secrets; never the token itself')
    .option('--user <name>', 'the name that goes with the token')
    .option('--every <seconds>', 'how often it is looked for something new')
    .action(async (url: string, options: SetOptions, command: Command) => {
      const cli = cliOf(command);
      const every = options.every === undefined ? {} : { push_every_s: seconds(options.every) };
      const token = options.token === undefined ? {} : { token: options.token };
      const user = options.user === undefined ? {} : { user: options.user };
      await change(cli, { url, ...token, ...user, ...every }, 'The registry is pushed there from now on.');
    });
  examples(set, [
    [
      'nox registry remote set https://github.com/me/nox-registry.git --token file:github',
      'with a token of .nox/secrets/github',
    ],
    ['nox registry remote set /mnt/backup/registry.git', 'a bare repository on another disk'],
  ]);
  remote
    .command('off')
    .description('push nowhere any more; the copy stays where it is')
    .action(async (_: unknown, command: Command) =>
      change(cliOf(command), { url: '' }, 'The registry is pushed nowhere now.'),
    );
  registry
    .command('push')
    .description('push now; never by force')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const status = await (await cli.client()).call('registry_push', {}, { timeout_ms: PUSH_TIMEOUT_MS });
      if (status.state !== 'ok') throw new CliError('INVALID_STATE', `${status.state}: ${oneLine(status.detail)}`);
      cli.answer(status, () => cli.say(status.detail));
    });
}

async function change(cli: Cli, body: RemoteRequest, words: string): Promise<void> {
  const status = await (await cli.client()).call('registry_remote_set', { body });
  cli.answer(status, () => cli.say(words));
}

function remoteView(cli: Cli, status: RemoteStatus): string {
  const time = (at: string | null) => (at === null ? 'never' : `${relative(at, cli.now_ms)} (${at})`);
  const rows: [string, string | null][] = [
    ['remote', status.url ?? 'none'],
    ['state', status.state],
    ['', oneLine(status.detail)],
  ];
  if (status.url !== null) {
    rows.push(
      ['last push', time(status.last_push_at)],
      ['next try', status.next_try_at],
      ['failures', String(status.failures)],
    );
  }
  return pairs(rows, cli.style.dim);
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 86_400) return value;
  throw usageError('--every takes a whole number of seconds from 1 to 86400.');
}
