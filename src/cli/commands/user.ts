import { type Command, Option } from 'commander';
import type { CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { readAll } from '../io.js';

/** `nox user`: who may log in. */
export function userCommands(program: Command, cliOf: CliOf): void {
  const user = program.command('user').description('who may log in');
  user
    .command('ls')
    .alias('list')
    .description('list users')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const reply = await (await cli.client()).call('users_list');
      cli.answer(reply, ({ users }) => {
        const columns = [{ head: 'USERNAME' }, { head: 'ROLE' }];
        cli.printTable(
          columns,
          users.map((u) => [u.username, u.role]),
        );
      });
    });
  user
    .command('add')
    .description('add a user; the password is asked for')
    .argument('<username>', 'a-z, 0-9, ".", "_" and "-"')
    .addOption(
      new Option('--role <role>', 'what they may do: look, work with agents, everything')
        .choices(['viewer', 'operator', 'admin'])
        .default('operator'),
    )
    .option('--password-stdin', 'read the password from stdin')
    .action(async (username: string, options: AddOptions, command: Command) => {
      const cli = cliOf(command);
      const password = await cli.password(`Password for ${username}: `, options.passwordStdin);
      if (options.passwordStdin !== true && password !== (await cli.password('Once more: ', false))) {
        throw usageError('The two passwords differ.');
      }
      const { role } = options;
      const added = await (await cli.client()).call('users_create', { body: { username, password, role } });
      cli.answer(added, () => cli.say(`Added ${added.username} (${added.role}).`));
    });
  user
    .command('rm')
    .alias('remove')
    .description('remove a user; their logins end')
    .argument('<username>')
    .option('-y, --yes', 'do not ask')
    .action(async (username: string, { yes }: { yes?: boolean }, command: Command) => {
      const cli = cliOf(command);
      await cli.confirm(`Remove the user ${username}? Their logins end at once.`, yes);
      await (await cli.client()).call('users_delete', { params: { username } });
      cli.answer({ removed: username }, () => cli.say(`Removed ${username}.`));
    });
  user
    .command('passwd')
    .description('change your own password')
    .option('--password-stdin', 'read the present and the new password from stdin, one per line')
    .action(async ({ passwordStdin }: { passwordStdin?: boolean }, command: Command) => {
      const cli = cliOf(command);
      let [current_password, new_password] = ['', ''];
      if (passwordStdin === true) {
        [current_password = '', new_password = ''] = (await readAll(cli.io.stdin)).split(/\r?\n/);
      } else {
        current_password = await cli.password('Present password: ', false);
        new_password = await cli.password('New password: ', false);
        if (new_password !== (await cli.password('Once more: ', false))) throw usageError('The two passwords differ.');
      }
      await (await cli.client()).call('auth_password', { body: { current_password, new_password } });
      cli.answer({}, () => cli.say('Your password is changed.'));
    });
}

interface AddOptions {
  readonly role: 'viewer' | 'operator' | 'admin';
  readonly passwordStdin?: boolean;
}
