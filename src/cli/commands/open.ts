import type { Command } from 'commander';
import type { CliOf } from '../cli.js';

/** `nox open`: where the dashboard is. */
export function openCommand(program: Command, cliOf: CliOf): void {
  program
    .command('open')
    .description("print the dashboard's address")
    .action((_: unknown, command: Command) => {
      const cli = cliOf(command);
      const url = `${cli.url}/`;
      cli.answer({ url }, () => cli.print(`${url}\n`));
    });
}
