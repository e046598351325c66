import type { Command } from 'commander';
import { IntentFileName, type ExternalEdit } from '../../contracts/registry.js';
import type { RouteReply } from '../../contracts/routes.js';
import type { Cli, CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { changesView, stepsView } from '../output/registry-view.js';
import { cut, oneLine, visible } from '../output/text.js';
import type { Style } from '../output/style.js';
import { relative } from '../output/time.js';

const LIVE_TIMEOUT_MS = 180_000;
const VALUE_WIDTH = 60;

interface Asked {
  readonly yes?: boolean;
}

/** `nox registry edits | accept | reject`: what was written by hand and is not in force. */
export function externalCommands(registry: Command, cliOf: CliOf): void {
  registry
    .command('edits')
    .alias('pending')
    .description('hand edits that are not in force: they wait for a person, or are not valid')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const reply = await (await cli.client()).call('registry_external');
      cli.answer(reply, () => {
        if (reply.edits.length === 0) cli.say('No hand edit waits, and every file is valid.');
        else cli.print(reply.edits.map((edit) => editView(cli, edit, cli.style)).join('\n'));
        for (const { file, conflicts, taken, at } of reply.conflicts) {
          const keys = conflicts.map(({ key }) => oneLine(key)).join(', ');
          const winner = taken === 'theirs' ? 'the hand edit' : 'the write';
          cli.say(cli.words.dim(`${relative(at, cli.now_ms)}: ${file}: both changed ${keys}; ${winner} has it`));
        }
      });
    });
  const accept = registry
    .command('accept')
    .description('put held hand edits in force, live; shows first what they are')
    .argument('[file...]', 'which files, as agents.toml (default: all that wait)')
    .option('-y, --yes', 'do not ask')
    .action(async (files: string[], options: Asked, command: Command) => {
      const cli = cliOf(command);
      const wanted = await chosen(cli, files, ({ state }) => state === 'held');
      await show(cli, wanted, options);
      await cli.confirm('Put this in force?', options.yes);
      const client = await cli.client();
      const done = await client.call(
        'registry_external_accept',
        { body: bodyOf(wanted) },
        { timeout_ms: LIVE_TIMEOUT_MS },
      );
      cli.answer(done, () => {
        if (done.commit !== null) cli.print(`${done.commit.hash}\n`);
        cli.say(`${changesView(cli, done.objects)}${stepsView(done.reconciled)}Accepted.`);
      });
    });
  examples(accept, [['nox registry accept approval-policy.toml', 'one file, after a look at each field']]);
  const reject = registry
    .command('reject')
    .description('bring back the text in force, for held and for invalid edits; what was written is kept in git')
    .argument('[file...]', 'which files, as agents.toml (default: all)')
    .option('-y, --yes', 'do not ask')
    .action(async (files: string[], options: Asked, command: Command) => {
      const cli = cliOf(command);
      const wanted = await chosen(cli, files, () => true);
      await show(cli, wanted, options);
      await cli.confirm('Take this off the disk?', options.yes);
      const done = await (await cli.client()).call('registry_external_reject', { body: bodyOf(wanted) });
      cli.answer(done, () => cli.say(`Rejected.\n${keptView(done)}`.trimEnd()));
    });
  examples(reject, [['nox registry reject agents.toml', 'what was written stays in git; the command says where']]);
}

async function chosen(
  cli: Cli,
  names: readonly string[],
  fits: (edit: ExternalEdit) => boolean,
): Promise<ExternalEdit[]> {
  const files = IntentFileName.array().safeParse(names);
  if (!files.success) throw usageError(`Files are ${IntentFileName.options.join(', ')}.`);
  const { edits } = await (await cli.client()).call('registry_external');
  const found = edits.filter((edit) => (files.data.length === 0 ? fits(edit) : files.data.includes(edit.file)));
  const missing = files.data.filter((file) => !edits.some((edit) => edit.file === file));
  if (missing.length > 0) throw usageError(`No hand edit waits in ${missing.join(', ')}.`);
  if (found.length === 0) throw usageError('No hand edit waits.');
  return found;
}

/** Exactly what was shown: an edit that was changed since is not decided. */
const bodyOf = (edits: readonly ExternalEdit[]) => ({
  edits: edits.map(({ file, version }) => ({ file, version })),
  confirm: true,
});

async function show(cli: Cli, edits: readonly ExternalEdit[], { yes }: Asked): Promise<void> {
  if (cli.json && yes === true) return;
  cli.say(
    edits
      .map((edit) => editView(cli, edit, cli.words))
      .join('\n')
      .trimEnd(),
  );
}

function editView(cli: Cli, { file, state, since, fields, problem, saved }: ExternalEdit, style: Style): string {
  const when = relative(since, cli.now_ms);
  const head =
    state === 'held'
      ? style.yellow(`◆ ${file}`) + ` waits for a person, ${when}\n`
      : `${style.red(`✕ ${file}`)} is not valid, ${when}\n`;
  const where =
    problem === null
      ? ''
      : `    line ${problem.line}: ${problem.field === '' ? '' : `${oneLine(problem.field)}: `}${oneLine(problem.message)}\n`;
  const rows = fields.map(({ key, before, after }) => `    ${oneLine(key)}: ${valueOf(before)} → ${valueOf(after)}\n`);
  const kept = saved === null ? '' : style.dim(`    git show ${saved.slice(0, 12)}:${file}\n`);
  return head + where + rows.join('') + kept;
}

function keptView({ kept }: RouteReply<'registry_external_reject'>): string {
  return kept
    .map(({ file, commit, path }) => {
      if (commit !== null) return `${file} as it was written: git show ${commit}:${file}\n`;
      return path === null ? '' : `${file} holds a secret, so git did not get it: ${path}\n`;
    })
    .join('');
}

function valueOf(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return cut(oneLine(visible(JSON.stringify(value))), VALUE_WIDTH);
}
