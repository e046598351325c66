import { createHash } from 'node:crypto';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { type Command, Option } from 'commander';
import type { RouteReply } from '../../contracts/routes.js';
import { CliError } from '../cli-error.js';
import type { Cli, CliOf } from '../cli.js';
import { examples } from '../help.js';
import { pairs } from '../output/table.js';

const LONG_MS = 3_600_000;

/** `nox backup`: registry and journal of a running Nox as one file. */
export function backupCommand(program: Command, cliOf: CliOf): void {
  const backup = program
    .command('backup')
    .argument('[file]', 'where to write it; default: nox-backup-<time>.tar.gz here')
    .description('write registry and journal into one file, and check it; Nox works on meanwhile')
    .addOption(new Option('-f, --force', 'replace a file that is there'))
    .action(async (file: string | undefined, { force }: { force?: boolean }, command: Command) => {
      const cli = cliOf(command);
      if (file !== undefined) await refuseTaken(resolve(cli.io.cwd, file), force === true);
      const client = await cli.client();
      const made = await client.call('system_backup', {}, { timeout_ms: LONG_MS });
      const path = resolve(cli.io.cwd, file ?? made.name);
      const body = await client.download('system_backup_file', { params: { name: made.name } });
      await keep(body, path, made, force === true);
      cli.answer({ ...made, file: path }, () => show(cli, made, path));
    });
  examples(backup, [
    ['nox backup', 'into this folder'],
    ['nox backup /mnt/safe/nox.tar.gz', 'elsewhere'],
    ['nox restore /mnt/safe/nox.tar.gz --registry ~/fleet --home ~/fleet-home', 'bring it back in new folders'],
  ]);
}

/** Before the work begins. */
async function refuseTaken(path: string, force: boolean): Promise<void> {
  if ((await stat(dirname(path)).catch(() => undefined))?.isDirectory() !== true)
    throw new CliError('INVALID_STATE', `There is no folder ${dirname(path)}.`);
  const there = await stat(path).catch(() => undefined);
  if (there === undefined || (force && there.isFile())) return;
  throw new CliError('INVALID_STATE', `There is something at ${path} already. Name another file, or add --force.`);
}

/** Whole and on the disk under its name, or not there. */
async function keep(
  body: ReadableStream<Uint8Array>,
  path: string,
  { bytes, sha256 }: RouteReply<'system_backup'>,
  force: boolean,
): Promise<void> {
  const tmp = join(dirname(path), `.${basename(path)}.part`);
  const hash = createHash('sha256');
  let size = 0;
  try {
    const out = await open(tmp, 'w', 0o600);
    try {
      for await (const chunk of Readable.fromWeb(body as never) as AsyncIterable<Uint8Array>) {
        hash.update(chunk);
        size += chunk.length;
        await out.writeFile(chunk);
      }
      await out.sync();
    } finally {
      await out.close();
    }
    if (size !== bytes || hash.digest('hex') !== sha256)
      throw new CliError('UNEXPECTED_REPLY', 'What came is not the backup that was made. Run it again.');
    if (force) await rename(tmp, path);
    // Does not replace what came there meanwhile.
    else await link(tmp, path).then(() => rm(tmp));
  } catch (error) {
    await rm(tmp, { force: true });
    throw error;
  }
}

function show(cli: Cli, made: RouteReply<'system_backup'>, path: string): void {
  cli.print(
    pairs(
      [
        ['file', path],
        ['size', `${Math.ceil(made.bytes / 1024)} KiB`],
        ['sha256', made.sha256],
        ['in force', `${made.head.slice(0, 8)}, ${made.agents} agents`],
        ['journal', `${made.events} events`],
      ],
      cli.style.dim,
    ),
  );
  for (const file of made.waiting)
    cli.say(`${file}: a hand edit on the disk is not in force; its text is not in the backup.`);
  cli.say('Not in it:');
  for (const what of made.left_out) cli.say(`  ${what}`);
}
