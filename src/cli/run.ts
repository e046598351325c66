import { Command, CommanderError } from 'commander';
import type { NoxClient } from '../client/http-client.js';
import { VERSION } from '../shared/version.js';
import { Cli, type CliOf, DEFAULT_URL, type Globals } from './cli.js';
import { agentCommands } from './commands/agent.js';
import { approvalCommands } from './commands/approval.js';
import { backupCommand } from './commands/backup.js';
import { completionCommand } from './commands/completion.js';
import { doctorCommand } from './commands/doctor.js';
import { emergencyCommands } from './commands/emergency.js';
import { gateCommands } from './commands/gate.js';
import { eventsCommand } from './commands/events.js';
import { loginCommands } from './commands/login.js';
import { auditCommands } from './commands/audit.js';
import { mcpCommands } from './commands/mcp.js';
import { messageCommands } from './commands/message.js';
import { modelCommands } from './commands/model.js';
import { policyCommands } from './commands/policy.js';
import { openCommand } from './commands/open.js';
import { registryCommands } from './commands/registry.js';
import { restoreCommand } from './commands/restore.js';
import { serveCommand } from './commands/serve.js';
import { statusCommand } from './commands/status.js';
import { taskCommands } from './commands/task.js';
import { turnCommands } from './commands/turn.js';
import { usageCommand } from './commands/usage.js';
import { clientCommands } from './commands/client.js';
import { userCommands } from './commands/user.js';
import { examples } from './help.js';
import type { Io } from './io.js';

/**
 * Runs one command line, without the program's name, and answers its exit status: 0, or what the error table says.
 * Never throws; what went wrong is told on stderr.
 */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const program = makeProgram(io, (command) => new Cli(io, command.optsWithGlobals<Globals>(), openClient));
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const { report } = await import('./report.js');
    return report(error, new Cli(io, program.opts<Globals>(), openClient));
  }
}

/** Loads the client and the login only for commands that talk to the server. */
async function openClient(cli: Cli): Promise<NoxClient> {
  const { openSession } = await import('./session.js');
  return openSession(cli);
}

/** All commands, with their help. */
export function makeProgram(io: Io, cliOf: CliOf): Command {
  const program = new Command('nox')
    .description('Spawns and supervises Claude CLI agents; asks you before they do what is risky.')
    .version(VERSION, '-V, --version', 'print the version')
    .option('--url <url>', `the server's address (env NOX_URL, default ${DEFAULT_URL} or as NOX_HOST and NOX_PORT say)`)
    .option('--token <token>', 'an access token, instead of the stored login (env NOX_TOKEN)')
    .option('--json', 'print JSON: one value, or one per line for streams')
    .option('--no-color', 'no colours (env NO_COLOR)')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    })
    .showHelpAfterError('Add --help to see what there is.')
    .exitOverride();
  examples(program, [
    ['nox serve', 'start the server'],
    ['nox login', 'log in; the login is kept'],
    ['nox agent add lead --prompt "You plan." --start', 'make an agent and start it'],
    ['nox agent prompt lead "What is in this folder?"', 'talk to it'],
    ['nox approval ls', 'what waits for you'],
    ['nox registry rollback --last', 'undo the newest change'],
  ]);
  program.commandsGroup('The server:');
  serveCommand(program);
  statusCommand(program, cliOf);
  doctorCommand(program, cliOf);
  modelCommands(program, cliOf);
  policyCommands(program, cliOf);
  auditCommands(program, cliOf);
  emergencyCommands(program, cliOf);
  gateCommands(program, cliOf);
  openCommand(program, cliOf);
  program.commandsGroup('You:');
  loginCommands(program, cliOf);
  userCommands(program, cliOf);
  clientCommands(program, cliOf);
  program.commandsGroup('Agents:');
  agentCommands(program, cliOf);
  turnCommands(program, cliOf);
  taskCommands(program, cliOf);
  approvalCommands(program, cliOf);
  messageCommands(program, cliOf);
  mcpCommands(program, cliOf);
  usageCommand(program, cliOf);
  eventsCommand(program, cliOf);
  program.commandsGroup('Configuration:');
  registryCommands(program, cliOf);
  backupCommand(program, cliOf);
  restoreCommand(program, cliOf);
  program.commandsGroup('More:');
  completionCommand(program, cliOf);
  return program;
}
