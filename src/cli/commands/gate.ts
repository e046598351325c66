import type { Command } from 'commander';
import type { GateView } from '../../contracts/system.js';
import { Exit } from '../cli-error.js';
import type { Cli, CliOf } from '../cli.js';
import { examples } from '../help.js';
import { painted, stateCell } from '../output/style.js';
import { plain } from '../output/text.js';

/** `nox gate`: whether the Claude CLI was seen to hold tool calls back when the gate breaks. */
export function gateCommands(program: Command, cliOf: CliOf): void {
  const gate = program.command('gate').description('whether the Claude CLI holds tool calls back when Nox breaks');
  gate
    .command('show')
    .description('what was proven of the Claude CLI in use')
    .action(async (_: object, command: Command) => {
      const cli = cliOf(command);
      show(cli, await (await cli.client()).call('system_gate'));
    });
  const prove = gate
    .command('prove')
    .description('try it again, in every way of breaking the gate; takes some seconds')
    .action(async (_: object, command: Command) => {
      const cli = cliOf(command);
      show(cli, await (await cli.client()).call('system_gate_prove'));
    });
  examples(prove, [['nox gate prove', 'after another Claude CLI was installed']]);
}

function show(cli: Cli, view: GateView): void {
  cli.answer(view, ({ state, detail, binary_sha256, proven_at, failed }) => {
    cli.print(`${painted(stateCell(state, cli.style))} ${plain(detail)}\n`);
    if (binary_sha256 !== null) cli.print(`binary  ${binary_sha256}\n`);
    if (proven_at !== null) cli.print(`proven  ${proven_at}\n`);
    for (const one of failed) cli.print(`${cli.style.bold('✕')} ${plain(one.way)}: ${plain(one.detail)}\n`);
  });
  if (view.state === 'refused') throw new Exit(1);
}
