import { type Command, CommanderError } from 'commander';
import type { NoxClient } from '../client/http-client.js';
import { bareProgram } from './bare-program.js';
import type { Cli, Globals } from './cli.js';
import { serveCommand } from './commands/serve.js';
import type { Io } from './io.js';

/**
 * Runs one command line, without the program's name, and answers its exit status: 0, or what the error table says.
 * Never throws; what went wrong is told on stderr.
 */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const program = argv[0] === 'serve' ? serverProgram(io) : await clientProgram(io);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const [{ report }, { Cli }] = await Promise.all([import('./report.js'), import('./cli.js')]);
    return report(error, new Cli(io, program.opts<Globals>(), openClient));
  }
}

/** `nox serve` alone: a server that starts has no use for the other commands. */
function serverProgram(io: Io): Command {
  const program = bareProgram(io);
  serveCommand(program);
  return program;
}

async function clientProgram(io: Io): Promise<Command> {
  const [{ makeProgram }, { Cli }] = await Promise.all([import('./program.js'), import('./cli.js')]);
  return makeProgram(io, (command) => new Cli(io, command.optsWithGlobals<Globals>(), openClient));
}

/** Loads the client and the login only for commands that talk to the server. */
async function openClient(cli: Cli): Promise<NoxClient> {
  const { openSession } = await import('./session.js');
  return openSession(cli);
}
