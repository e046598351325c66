import type { Command } from 'commander';
import type { EmergencyStopReply } from '../../contracts/system.js';
import { Exit, usageError } from '../cli-error.js';
import type { Cli, CliOf } from '../cli.js';
import { examples } from '../help.js';
import { counted } from '../output/text.js';

interface StopOptions {
  readonly reason?: string;
  readonly clear?: true;
  readonly all?: true;
  readonly yes?: boolean;
}

/** `nox emergency-stop`, also as `nox stop --all`: ends every agent at once and bars all starts until it is cleared. */
export function emergencyCommands(program: Command, cliOf: CliOf): void {
  const stop = program
    .command('emergency-stop')
    .description('end every agent at once; none starts until it is cleared')
    .option('--reason <text>', 'why, for whoever finds it')
    .option('--clear', 'clear it; agents that should be active start again')
    .option('-y, --yes', 'do not ask')
    .action(async (options: StopOptions, command: Command) => {
      if (options.clear !== true) await stopAll(cliOf(command), options);
      else if (options.reason !== undefined) throw usageError('--reason belongs to the stop, not to --clear.');
      else await clear(cliOf(command), options);
    });
  examples(stop, [
    ['nox emergency-stop --reason "runaway costs"', 'stop everything now'],
    ['nox emergency-stop --clear', 'let agents start again'],
  ]);
  program
    .command('stop')
    .description('with --all: the same as emergency-stop')
    .option('--all', 'end every agent at once')
    .option('--reason <text>', 'why, for whoever finds it')
    .option('-y, --yes', 'do not ask')
    .action(async (options: StopOptions, command: Command) => {
      if (options.all !== true)
        throw usageError('One agent: nox agent stop <id>. Every agent at once: nox stop --all.');
      await stopAll(cliOf(command), options);
    });
}

async function stopAll(cli: Cli, { reason, yes }: StopOptions): Promise<void> {
  const client = await cli.client();
  await cli.confirm('Kill every agent now and let none start until this is cleared?', yes);
  const reply = await client.call('system_emergency_stop', { body: reason === undefined ? {} : { reason } });
  cli.answer(reply, (r) => {
    cli.say(`${counted(r.ended, 'agent')} ended. Nothing starts until: nox emergency-stop --clear`);
    sayProblems(cli, r);
  });
  if (reply.problems.length > 0) throw new Exit(1);
}

async function clear(cli: Cli, { yes }: StopOptions): Promise<void> {
  const client = await cli.client();
  const { emergency_stop } = await client.call('system_status');
  if (emergency_stop === null) cli.say('No emergency stop is in force.');
  else {
    const why = emergency_stop.reason === null ? '' : ` ("${emergency_stop.reason}")`;
    await cli.confirm(`Clear the emergency stop of ${emergency_stop.actor}${why} and start the agents again?`, yes);
  }
  const reply = await client.call('system_emergency_clear');
  cli.answer(reply, (r) => {
    if (emergency_stop !== null) cli.say('Cleared. Agents that should be active start again.');
    sayProblems(cli, r);
  });
}

function sayProblems(cli: Cli, { problems }: EmergencyStopReply): void {
  for (const problem of problems) cli.say(cli.words.red(`✕ ${problem}`));
}
