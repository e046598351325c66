import type { Command } from 'commander';
import { Exit } from '../cli-error.js';
import type { Cli, CliOf } from '../cli.js';
import type { Check } from './doctor/checks.js';
import { painted, stateCell } from '../output/style.js';
import { plain } from '../output/text.js';

/** `nox doctor`: whether Nox can work here, and what to do if not. Needs no server; exit status 1 when something fails. */
export function doctorCommand(program: Command, cliOf: CliOf): void {
  program
    .command('doctor')
    .description('whether Nox can work here, and what to do if not')
    .option('--home <folder>', 'folder of journal, secrets and run files (env NOX_HOME)')
    .option('--registry <folder>', 'folder of the registry (env NOX_REGISTRY_PATH)')
    .action(async (folders: Folders, command: Command) => {
      const cli = cliOf(command);
      const { isWell } = await import('./doctor/checks.js');
      const checks = await examine(cli, folders);
      const well = isWell(checks);
      cli.answer({ ok: well, checks }, () => checks.forEach((check) => printCheck(cli, check)));
      if (!well) throw new Exit(1);
    });
}

interface Folders {
  readonly home?: string;
  readonly registry?: string;
}

async function examine(cli: Cli, folders: Folders): Promise<Check[]> {
  const { env, cwd } = cli.io;
  const [check, facts, { storeOf }] = await Promise.all([
    import('./doctor/checks.js'),
    import('./doctor/facts.js'),
    import('../session.js'),
  ]);
  const credentials = storeOf(cli).path;
  const home = folders.home ?? (env['NOX_HOME'] || '.nox');
  const registry = folders.registry ?? (env['NOX_REGISTRY_PATH'] || '.nox-registry');
  const found = await Promise.all([
    facts.gitVersion().then(check.gitCheck),
    facts.claudeFacts(cli).then(check.claudeCheck),
    facts.isolationFacts().then(check.isolationCheck),
    facts.folderFacts(cwd, home).then((folder) => check.folderCheck('home', folder, true)),
    facts.folderFacts(cwd, registry).then((folder) => check.folderCheck('registry', folder, false)),
    facts.modeOf(credentials).then((mode) => check.credentialsCheck(credentials, mode)),
    facts
      .serverFacts(cli)
      .then((server) => [
        check.gateCheck(server),
        check.serverCheck(server),
        check.queueCheck(server, env['NOX_REDIS_URL']),
      ]),
    facts.loginFacts(cli).then(check.loginCheck),
    facts.profileFacts(cli).then(check.profilesCheck),
  ]);
  return [check.nodeCheck(process.version), ...found.flat()];
}

function printCheck(cli: Cli, { name, result, detail, remedy }: Check): void {
  cli.print(`${painted(stateCell(result, cli.style)).padEnd(7)} ${name.padEnd(12)} ${plain(detail)}\n`);
  if (remedy !== undefined) cli.print(`${' '.repeat(20)} ${cli.style.bold('→')} ${plain(remedy)}\n`);
}
