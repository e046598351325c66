import { Argument, type Command } from 'commander';
import type { RouteReply } from '../../contracts/routes.js';
import type { Cli, CliOf } from '../cli.js';
import { pairs } from '../output/table.js';

/** `nox model`: the real Claude, or the scripted model of the demo. */
export function modelCommands(program: Command, cliOf: CliOf): void {
  const model = program.command('model').description('which model the agents talk to');
  model
    .command('show')
    .description('the model in use')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const status = await (await cli.client()).call('system_status');
      cli.answer(status.model, (m) => printModel(cli, m));
    });
  model
    .command('use')
    .description('use the real Claude or the scripted model; agents restart')
    .addArgument(new Argument('<mode>', 'what to use').choices(['claude', 'scripted']))
    .action(async (mode: 'claude' | 'scripted', _: unknown, command: Command) => {
      const cli = cliOf(command);
      const status = await (await cli.client()).call('system_model', { body: { mode } });
      cli.answer(status.model, (m) => printModel(cli, m));
    });
}

function printModel(cli: Cli, model: RouteReply<'system_status'>['model']): void {
  const rows: [string, string][] = [
    ['model', model.mode],
    ['detail', model.detail],
  ];
  cli.print(pairs(rows, cli.style.dim));
  if (model.demo) cli.say(cli.words.yellow('Demo mode: replies are scripted. Your own Claude: nox model use claude'));
}
