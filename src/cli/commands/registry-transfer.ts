import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { IntentFileName } from '../../contracts/registry.js';
import { TaskFileName } from '../../contracts/registry-transfer.js';
import type { RouteCall, RouteReply } from '../../contracts/routes.js';
import { HTTP_LIMITS } from '../../shared/http/limits.js';
import { packFiles, unpackFiles } from '../../shared/tar.js';
import type { Cli, CliOf } from '../cli.js';
import { CliError } from '../cli-error.js';
import { examples } from '../help.js';
import { changesView, stepsView } from '../output/registry-view.js';
import { cut, oneLine, visible } from '../output/text.js';
import { several } from '../several.js';

const LIVE_TIMEOUT_MS = 180_000;
const VALUE_WIDTH = 60;
/** What somebody packed is not to fill this disk; configuration is much smaller. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;
const isArchive = (path: string): boolean => /\.(tar\.gz|tgz)$/.test(path);

type File = RouteReply<'registry_export'>['files'][number];
type Given = (RouteCall<'registry_import'>['body'] & object)['files'][number];

interface ImportOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly accept?: boolean;
  readonly prefer?: 'ours' | 'theirs';
}

/** `nox registry export | import`: what is in force as plain files, without git. */
export function transferCommands(registry: Command, cliOf: CliOf): void {
  const out = registry
    .command('export')
    .argument('<file>', 'a new folder, or a file that ends in .tar.gz')
    .description('write what is in force as plain files: TOML, and with --tasks the task files')
    .option('--agent <id>', 'only these agents and what they are to each other', several)
    .option('--tasks', 'the task files of the agents, too')
    .action(async (file: string, options: { agent?: string[]; tasks?: boolean }, command: Command) => {
      const cli = cliOf(command);
      const { agent, tasks } = options;
      const path = resolve(cli.io.cwd, file);
      await refuseTaken(path);
      const query = {
        ...(agent === undefined ? {} : { agents: agent.join(',') }),
        ...(tasks === true ? { tasks: 'true' as const } : {}),
      };
      const { head, files } = await (await cli.client()).call('registry_export', { query });
      await write(path, files);
      cli.answer({ head, file: path, files: files.map((each) => each.path) }, () => {
        for (const each of files) cli.print(`${each.path}\n`);
        cli.say(`As of ${head?.slice(0, 8) ?? 'no commit'}, in ${path}`);
      });
    });
  examples(out, [
    ['nox registry export fleet/', 'all of it as a folder'],
    ['nox registry export --agent lead --agent worker team.tar.gz', 'two agents'],
  ]);
  const into = registry
    .command('import')
    .argument('<file>', 'a folder or a .tar.gz that "nox registry export" wrote, or a folder with such files')
    .description('add what the files have by one commit; shows first what would happen')
    .option('--dry-run', 'only show what would happen')
    .addOption(new Option('--prefer <side>', 'for keys that both have').choices(['ours', 'theirs']))
    .option(
      '--accept',
      'also what decides what agents may do: policy, environment, limits, programs, images, commands of tasks',
    )
    .option('-y, --yes', 'do not ask')
    .action((file: string, options: ImportOptions, command: Command) => importFiles(cliOf(command), file, options));
  examples(into, [
    ['nox registry import team.tar.gz --dry-run', 'what would start, stop or change'],
    ['nox registry import team.tar.gz --accept', 'and do it'],
  ]);
}

async function importFiles(cli: Cli, file: string, { dryRun, yes, accept, prefer }: ImportOptions): Promise<void> {
  const { files, ignored } = await read(resolve(cli.io.cwd, file));
  const body = { files, accept: accept === true, ...(prefer === undefined ? {} : { prefer }) };
  refuseLarge(file, body);
  const client = await cli.client();
  const plan = await client.call('registry_import', { body: { ...body, dry_run: true } });
  if (dryRun === true)
    return cli.answer({ ...plan, ignored }, () => {
      cli.print(planText(cli, plan));
      tellIgnored(cli, ignored);
    });
  if (!cli.json || yes !== true) cli.say(planText(cli, plan).trimEnd());
  tellIgnored(cli, ignored);
  if (plan.conflicts.length === 0 && (plan.security.length === 0 || accept === true))
    await cli.confirm('Import this?', yes);
  const done = await client.call(
    'registry_import',
    { body: { ...body, confirm: true } },
    { timeout_ms: LIVE_TIMEOUT_MS },
  );
  cli.answer({ ...done, ignored }, () => {
    if (done.commit === null && done.tasks.length === 0) cli.say('Nothing differed; nothing was changed.');
    if (done.commit !== null) cli.print(`${done.commit.hash}\n`);
    if (done.tasks.length > 0) cli.say(`${done.tasks.length} tasks imported.`);
  });
}

/** No server takes it, and none could say what to do about it. */
function refuseLarge(file: string, body: object): void {
  const bytes = Buffer.byteLength(JSON.stringify(body)) + 100;
  if (bytes <= HTTP_LIMITS.large_body_bytes) return;
  const kib = (of: number): number => Math.ceil(of / 1024);
  throw new CliError(
    'PAYLOAD_TOO_LARGE',
    `${file} makes ${kib(bytes)} KiB, and ${kib(HTTP_LIMITS.large_body_bytes)} KiB are taken at once. Import it in parts, as "nox registry export --agent ID" makes them; for all of a Nox there is "nox backup".`,
  );
}

function planText(cli: Cli, plan: RouteReply<'registry_import'>): string {
  const value = (of: unknown): string => (of === null ? '-' : cut(oneLine(visible(JSON.stringify(of))), VALUE_WIDTH));
  const conflicts = plan.conflicts.map(
    ({ file, key, ours, theirs }) => `  ${file}: ${oneLine(key)}: here ${value(ours)}, there ${value(theirs)}\n`,
  );
  const security = plan.security.map(
    ({ file, key, before, after }) => `  ${file}: ${oneLine(key)}: ${value(before)} → ${value(after)}\n`,
  );
  const unknown = plan.unknown_keys.map((key) => `  ${oneLine(key)}\n`);
  const tasks = plan.tasks.map(
    ({ agent_id, title, change }) => `  ${change === 'added' ? '+' : '~'} ${agent_id}: ${oneLine(visible(title))}\n`,
  );
  const part = (head: string, rows: readonly string[]): string =>
    rows.length === 0 ? '' : `${head}\n${rows.join('')}`;
  return [
    plan.objects.length === 0 ? 'No configuration changes.\n' : changesView(cli, plan.objects),
    part('Tasks:', tasks),
    part('In conflict (choose with --prefer):', conflicts),
    part('Decides what agents may do (needs --accept):', security),
    part('Keys that Nox does not know, kept:', unknown),
    stepsView(plan.reconciled),
  ].join('');
}

function tellIgnored(cli: Cli, ignored: readonly string[]): void {
  if (ignored.length > 0)
    cli.say(`Not imported, since it is neither configuration nor a task file: ${ignored.join(', ')}`);
}

async function refuseTaken(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined)) !== undefined)
    throw new CliError('INVALID_STATE', `There is something at ${path} already; name a new folder or file.`);
  if ((await stat(dirname(path)).catch(() => undefined))?.isDirectory() !== true)
    throw new CliError('INVALID_STATE', `There is no folder ${dirname(path)}.`);
}

/** All of it under its name, or nothing. */
async function write(path: string, files: readonly File[]): Promise<void> {
  const work = await mkdtemp(join(dirname(path), `.${basename(path)}-`));
  try {
    const tree = join(work, 'tree');
    await mkdir(tree);
    for (const file of files) {
      await mkdir(dirname(join(tree, file.path)), { recursive: true });
      await writeFile(join(tree, file.path), file.text);
    }
    if (!isArchive(path)) return await rename(tree, path);
    const { createWriteStream } = await import('node:fs');
    const packed = join(work, 'packed');
    const names = files.map((file) => file.path);
    await packFiles(tree, names, createWriteStream(packed, { flags: 'wx', flush: true }));
    await rename(packed, path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function read(path: string): Promise<{ files: Given[]; ignored: string[] }> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined) throw new CliError('NOT_FOUND', `There is nothing at ${path}.`);
  if (facts.isDirectory()) return readFolder(path);
  const { tmpdir } = await import('node:os');
  const { createReadStream } = await import('node:fs');
  const work = await mkdtemp(join(tmpdir(), 'nox-import-'));
  try {
    await unpackFiles(createReadStream(path), work, MAX_UNPACKED_BYTES).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new CliError('INVALID_REQUEST', `${path} cannot be read as a .tar.gz: ${reason}`);
    });
    return await readFolder(work);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Only regular files of the known names: intent right in the folder, and what `tasks/` has. */
async function readFolder(folder: string): Promise<{ files: Given[]; ignored: string[] }> {
  const files: Given[] = [];
  const ignored: string[] = [];
  const look = async (below: string): Promise<void> => {
    const entries = await readdir(join(folder, below), { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => a.name.localeCompare(b.name))) {
      const path = below + entry.name;
      const name = IntentFileName.or(TaskFileName).safeParse(path);
      if (name.success && entry.isFile())
        files.push({ path: name.data, text: await readFile(join(folder, path), 'utf8') });
      else if (path === 'tasks' && entry.isDirectory()) await look('tasks/');
      else if (!entry.name.startsWith('.')) ignored.push(entry.isDirectory() ? `${path}/` : path);
    }
  };
  await look('');
  if (files.length > 0) return { files, ignored };
  throw new CliError(
    'INVALID_REQUEST',
    `${folder} holds none of ${IntentFileName.options.join(', ')}, and no tasks/*.md.`,
  );
}
