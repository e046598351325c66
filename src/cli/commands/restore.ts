import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { CliOf } from '../cli.js';
import { examples } from '../help.js';
import { pairs } from '../output/table.js';

interface RestoreOptions {
  readonly home?: string;
  readonly registry?: string;
  readonly force?: boolean;
  readonly yes?: boolean;
}

/** `nox restore`: puts a backup into the folders of a Nox that does not run. Needs no server. */
export function restoreCommand(program: Command, cliOf: CliOf): void {
  const restore = program
    .command('restore')
    .argument('<file>', 'a file that "nox backup" wrote')
    .description('bring registry and journal back from a backup, into empty folders; Nox must not run')
    .addOption(new Option('--home <folder>', 'folder of journal, secrets and run files').env('NOX_HOME'))
    .addOption(new Option('--registry <folder>', 'folder of the registry').env('NOX_REGISTRY_PATH'))
    .option('--force', 'put what is in the folders aside (it is renamed, not deleted)')
    .option('-y, --yes', 'do not ask')
    .action(async (file: string, { home, registry, force, yes }: RestoreOptions, command: Command) => {
      const cli = cliOf(command);
      const { occupied, restoreBackup } = await import('../../system/backup/restore.js');
      const at = (path: string): string => resolve(cli.io.cwd, path);
      const folders = { home: at(home || '.nox'), registry: at(registry || '.nox-registry') };
      const there = await occupied(folders);
      if (force === true && there.length > 0)
        await cli.confirm(`Put ${there.join(' and ')} aside and restore the backup in its place?`, yes);
      const now = new Date(cli.now_ms).toISOString();
      const done = await restoreBackup({ ...folders, file: at(file), force: force === true, now });
      cli.answer(done, () => {
        cli.print(
          pairs(
            [
              ['registry', `${done.registry}, branch ${done.branch}`],
              ['home', done.home],
              ['as of', `${done.created_at}, by Nox ${done.version}`],
              ...done.put_aside.map((path): [string, string] => ['put aside', path]),
            ],
            cli.style.dim,
          ),
        );
        cli.say('Not in it:');
        for (const what of done.left_out) cli.say(`  ${what}`);
        cli.say('Start it: nox serve');
      });
    });
  examples(restore, [
    ['nox restore nox.tar.gz', 'into .nox and .nox-registry here'],
    ['nox restore nox.tar.gz --force', 'where a Nox was already'],
  ]);
}
