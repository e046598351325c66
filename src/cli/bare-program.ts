import { Command } from 'commander';
import { VERSION } from '../shared/version.js';
import { DEFAULT_URL } from './default-url.js';
import { examples } from './help.js';
import type { Io } from './io.js';

/** The program without its commands: what it says of itself, and the options that every command takes. */
export function bareProgram(io: Io): Command {
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
  return program;
}
