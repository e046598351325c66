import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { examples } from '../help.js';

interface ServeOptions {
  readonly host?: string;
  readonly port?: number;
  readonly home?: string;
  readonly registry?: string;
  readonly repairRegistry?: boolean;
}

/** `nox serve`: the server itself, in this process. Its code is loaded here and nowhere else. */
export function serveCommand(program: Command): void {
  const serve = program
    .command('serve')
    .description('start Nox here and serve until it is told to stop')
    .addOption(new Option('--host <address>', 'address to listen at').env('NOX_HOST'))
    .addOption(new Option('--port <number>', 'port to listen at').env('NOX_PORT').argParser(port))
    .addOption(new Option('--home <folder>', 'folder of journal, secrets and run files').env('NOX_HOME'))
    .addOption(new Option('--registry <folder>', 'folder of the registry').env('NOX_REGISTRY_PATH'))
    .option('--repair-registry', 'first make a damaged registry whole from its last good bundle')
    .action(async ({ host, port, home, registry, repairRegistry }: ServeOptions) => {
      const { serve } = await import('../../main.js');
      await serve({
        ...(host === undefined ? {} : { host }),
        ...(port === undefined ? {} : { port }),
        ...(home === undefined ? {} : { home }),
        ...(registry === undefined ? {} : { registry_path: registry }),
        ...(repairRegistry === undefined ? {} : { repair_registry: repairRegistry }),
      });
      // On a big machine V8 lets garbage grow to several times what lives before it collects the old space. A start has no
      // time for that yet.
      setFlagsFromString('--heap-growing-percent=40');
      // What has been compiled by now is what the next start needs.
      flushCompileCache();
    });
  examples(serve, [
    ['nox serve', 'on 127.0.0.1:3000, with .nox and .nox-registry in this folder'],
    ['nox serve --port 4000 --registry ~/fleet', 'elsewhere'],
  ]);
}

function port(text: string): number | undefined {
  // NOX_PORT set to nothing is not set.
  if (text === '') return undefined;
  const value = Number(text);
  if (/^\d{1,5}$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 65535.');
}
