import type { Command } from 'commander';
import type { LogLine } from '../../contracts/agent.js';
import type { Cli, CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { plain } from '../output/text.js';
import { clockTime } from '../output/time.js';

interface LogsOptions {
  readonly follow?: boolean;
  readonly lines: string;
}

/** `nox agent logs`: what an agent's process wrote beside the protocol. */
export function agentLogsCommand(agent: Command, cliOf: CliOf): void {
  agent
    .command('logs')
    .description('what its process wrote beside the protocol')
    .argument('<id>')
    .option('-f, --follow', 'go on with what comes, until Ctrl-C')
    .option('-n, --lines <number>', 'how many past lines', '100')
    .action(async (id: string, options: LogsOptions, command: Command) => {
      const cli = cliOf(command);
      const lines = Number(options.lines);
      if (!Number.isInteger(lines) || lines < 1 || lines > 10_000) throw usageError('-n takes 1 to 10000.');
      const client = await cli.client();
      if (options.follow !== true) {
        const reply = await client.call('agents_logs', { params: { id }, query: { lines } });
        cli.answer(reply, () => reply.lines.forEach((line) => printLine(cli, line)));
        return;
      }
      for await (const line of client.logs(id, { lines, follow: true, onState: sayState(cli) })) {
        cli.answer(line, () => printLine(cli, line));
      }
    });
}

function printLine(cli: Cli, { timestamp, stream, line }: LogLine): void {
  const { style } = cli;
  const name = stream === 'stderr' ? style.yellow(stream) : style.dim(stream.padEnd(6));
  cli.print(`${style.dim(clockTime(timestamp))} ${name} ${plain(line)}\n`);
}

/** Tells the person when a followed stream is interrupted. */
export const sayState =
  (cli: Cli) =>
  (state: 'reconnecting' | 'live'): void =>
    cli.say(cli.words.dim(state === 'live' ? '… connected again' : '… connection lost, trying again'));
