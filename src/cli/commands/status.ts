import type { Command } from 'commander';
import type { SystemStatus } from '../../contracts/system.js';
import { Exit } from '../cli-error.js';
import type { Cli, CliOf } from '../cli.js';
import { painted, stateCell } from '../output/style.js';
import { pairs } from '../output/table.js';
import { counted } from '../output/text.js';
import { duration } from '../output/time.js';

/** `nox status`: how the server is. Exit status 1 when it says that it has failed. */
export function statusCommand(program: Command, cliOf: CliOf): void {
  program
    .command('status')
    .description('how the server is: components, agents, what waits for you')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const status = await (await cli.client()).call('system_status');
      cli.answer(status, (s) => printStatus(cli, s));
      if (status.status === 'failed') throw new Exit(1);
    });
}

function printStatus(cli: Cli, status: SystemStatus): void {
  const { style } = cli;
  const { total, active, running, failed } = status.agents;
  const agents = `${total} (${active} active, ${running} running, ${failed} failed)`;
  cli.print(
    pairs(
      [
        ['server', `${status.server_name} at ${cli.url}`],
        ['status', stateCell(status.status, style)],
        ['version', status.version],
        ['up for', duration(status.uptime_s * 1000)],
        ['model', status.model.demo ? { text: `${status.model.mode} (demo)`, paint: style.yellow } : status.model.mode],
        ['agents', failed > 0 ? { text: agents, paint: style.red } : agents],
        [
          'approvals',
          status.approvals_pending === 0 ? 'none waits' : `${counted(status.approvals_pending, 'request')} for you`,
        ],
        ['memory', `${Math.round(status.process.rss_bytes / 2 ** 20)} MiB`],
      ],
      style.dim,
    ),
  );
  cli.print('\n');
  const rows = Object.entries(status.components).map(([name, c]) => [name, stateCell(c.status, style), c.detail]);
  cli.printTable([{ head: 'COMPONENT' }, { head: 'STATUS' }, { head: 'DETAIL', shrinks: true }], rows);
  if (status.approvals_pending > 0) cli.say(`${painted(stateCell('pending', cli.words))}: nox approval ls`);
  if (status.emergency_stop !== null) cli.say(cli.words.red('Emergency stop in force: nox emergency-stop --clear'));
  if (status.model.demo)
    cli.say(cli.words.yellow('Demo mode: replies are scripted. Your own Claude: nox model use claude'));
}
