import { createHash, randomBytes } from 'node:crypto';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { type Command, Option } from 'commander';
import type { RouteReply } from '../../contracts/routes.js';
import { syncPath } from '../../shared/atomic-file.js';
import { errnoOf } from '../../shared/nox-error.js';
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
  throw taken(path);
}

/** Whole and on the disk under its name, or not there. */
async function keep(
  body: ReadableStream<Uint8Array>,
  path: string,
  { bytes, sha256 }: RouteReply<'system_backup'>,
  force: boolean,
): Promise<void> {
  // A name that nobody can have prepared: the folder may be one in which others write.
  const tmp = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`);
  const hash = createHash('sha256');
  let size = 0;
  try {
    const out = await open(tmp, 'wx', 0o600);
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
    await name(tmp, path, force);
  } catch (error) {
    await rm(tmp, { force: true });
    throw error;
  }
}

/** Gives a file its name, durably, and without `force` only where nothing has it. */
async function name(tmp: string, path: string, force: boolean): Promise<void> {
  if (force) await rename(tmp, path);
  else if (await linked(tmp, path)) await rm(tmp);
  else {
    // A stick or a share without hard links: what came there in this very moment is replaced.
    await refuseTaken(path, false);
    await rename(tmp, path);
  }
  await syncPath(dirname(path));
}

/** False on file systems without hard links. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    const code = errnoOf(error) ?? '';
    if (['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code)) return false;
    if (code === 'EEXIST') throw taken(to);
    throw error;
  }
}

const taken = (path: string): CliError =>
  new CliError('INVALID_STATE', `There is something at ${path} already. Name another file, or add --force.`);

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
