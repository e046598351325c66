import type { Command } from 'commander';
import { usageError } from '../cli-error.js';
import { type CliOf, normalUrl } from '../cli.js';
import { examples } from '../help.js';
import { ask } from '../io.js';
import { parseLoginLink } from '../login-link.js';

interface LoginOptions {
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly link?: string;
}

/** `nox login` and `nox logout`. */
export function loginCommands(program: Command, cliOf: CliOf): void {
  const login = program
    .command('login')
    .description('log in; the login is kept for this server and renewed by itself')
    .option('--username <name>', 'who you are (asked if left out)')
    .option('--password-stdin', 'read the password from stdin')
    .option('--link <url>', 'use a one-time login link')
    .action(async ({ username, passwordStdin, link }: LoginOptions, command: Command) => {
      const cli = cliOf(command);
      const { keepLogin, publicClient } = await import('../session.js');
      let url = cli.url;
      let reply;
      if (link === undefined) {
        if (username === undefined && !cli.interactive) throw usageError('Say who you are: --username NAME.');
        const name = username ?? ((await ask(cli.io, 'Username [admin]: ')).trim() || 'admin');
        const password = await cli.password(`Password of ${name}: `, passwordStdin);
        reply = await publicClient(cli).call('auth_login', { body: { username: name, password } });
      } else {
        const { origin, token } = parseLoginLink(link);
        // An address that was given goes before the link's: the server may be known by another name here.
        url = cli.globals.url !== undefined || origin === undefined ? cli.url : normalUrl(origin);
        reply = await publicClient(cli, url).call('auth_login_link', { body: { token } });
      }
      await keepLogin(cli, url, reply);
      const { user } = reply;
      cli.answer({ url, user }, () => cli.say(`Logged in at ${url} as ${user.username} (${user.role}).`));
      if (url !== cli.url) cli.say(`For the next commands: export NOX_URL=${url}`);
    });
  examples(login, [
    ['nox login', 'asks for name and password'],
    ['nox login --username ci --password-stdin < secret', 'without a terminal'],
    ["nox login --link 'http://127.0.0.1:3000/login#link=…'", 'with the link of the first start'],
  ]);

  program
    .command('logout')
    .description('end the login at this server, there and here')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const { storeOf } = await import('../session.js');
      const store = storeOf(cli);
      const login = await store.get(cli.url);
      if (login === undefined) {
        cli.answer({ url: cli.url, was_logged_in: false }, () => cli.say(`You were not logged in at ${cli.url}.`));
        return;
      }
      const { NoxApiError } = await import('../../client/api-error.js');
      const client = await cli.client();
      try {
        await client.call('auth_logout', { body: { refresh_token: login.refresh_token } });
      } catch (error) {
        if (!(error instanceof NoxApiError)) throw error;
        // Forgetting the login here must work without the server too; it ends there by its age.
        cli.say(`The server could not be told: ${error.message}`);
      }
      await store.set(cli.url, undefined);
      cli.answer({ url: cli.url, was_logged_in: true }, () => cli.say(`Logged out at ${cli.url}.`));
    });
}
