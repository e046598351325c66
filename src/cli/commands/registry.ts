import { type Command, InvalidArgumentError } from 'commander';
import {
  IntentFileName,
  type RegistryCommit,
  type RegistryStatus,
  type RollbackRequest,
} from '../../contracts/registry.js';
import type { RouteReply } from '../../contracts/routes.js';
import type { Cli, CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { fullHash } from '../commit-hash.js';
import { examples } from '../help.js';
import { changesView, historyTable, patchView, planView } from '../output/registry-view.js';
import { pairs } from '../output/table.js';
import { parseTime, relative } from '../output/time.js';
import { externalCommands } from './registry-external.js';
import { careCommands } from './registry-care.js';
import { transferCommands } from './registry-transfer.js';
import { remoteCommands } from './registry-remote.js';
import { timeCommands } from './registry-time.js';

const ROLLBACK_TIMEOUT_MS = 180_000;

/** `nox registry`: who changed what, and the way back. */
export function registryCommands(program: Command, cliOf: CliOf): void {
  const registry = program.command('registry').alias('reg').description('who changed what, and the way back');
  statusCommand(registry, cliOf);
  historyCommand(registry, cliOf);
  registry
    .command('show')
    .description('one commit with its changes')
    .argument('<hash>', 'its hash, or the beginning of it')
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const hash = await fullHash(client, short);
      const view = await client.call('registry_commit', { params: { hash } });
      cli.answer(view, () => {
        cli.print(commitView(cli, view.commit));
        cli.print(`\n${changesView(cli, view.objects)}\n${patchView(cli, view.patch)}`);
      });
    });
  registry
    .command('diff')
    .description('what differs: the newest commit from the one before, or between two')
    .argument('[from]', 'the older commit')
    .argument('[to]', 'the newer one (default: the newest)')
    .action(async (from: string | undefined, to: string | undefined, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const query = {
        ...(from === undefined ? {} : { from: await fullHash(client, from) }),
        ...(to === undefined ? {} : { to: await fullHash(client, to) }),
      };
      const diff = await client.call('registry_diff', { query });
      cli.answer(diff, () => {
        if (diff.objects.length === 0 && diff.patch === '') cli.say('Nothing differs.');
        else cli.print(`${changesView(cli, diff.objects)}\n${patchView(cli, diff.patch)}`);
      });
    });
  rollbackCommand(registry, cliOf);
  timeCommands(registry, cliOf);
  externalCommands(registry, cliOf);
  remoteCommands(registry, cliOf);
  careCommands(registry, cliOf);
  transferCommands(registry, cliOf);
}

function statusCommand(registry: Command, cliOf: CliOf): void {
  registry
    .command('status')
    .description('where the registry stands')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const status = await (await cli.client()).call('registry_status');
      cli.answer(status, () => cli.print(statusView(cli, status)));
      for (const { message } of status.invalid) cli.say(cli.words.red(`✕ ${message}`));
      for (const { file, fields } of status.held)
        cli.say(cli.words.yellow(`◆ ${file}: ${fields.join(', ')} wait for a person: nox registry edits`));
    });
}

interface HistoryOptions {
  readonly limit: number;
  readonly path?: string;
  readonly agent?: string;
  readonly object?: string;
  readonly since?: string;
  readonly before?: string;
  readonly record?: boolean;
}

function historyCommand(registry: Command, cliOf: CliOf): void {
  const history = registry
    .command('history')
    .alias('log')
    .description('who changed what, newest first')
    .option('-n, --limit <number>', 'how many, 1 to 500', historyLimit, 20)
    .option('--path <file>', 'changes of one file, as agents.toml')
    .option('--agent <id>', 'changes of one agent, also by rollback, merge or hand')
    .option('--object <object>', 'the same for another object, as service:browser')
    .option('--since <time>', 'not older than this, as "2h ago" or a date')
    .option('--before <hash>', 'only what is older than this commit')
    .option('--record', 'the record of what happened, instead of the configuration')
    .action(async (options: HistoryOptions, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const { limit, path, agent, object, record } = options;
      const since = options.since === undefined ? undefined : timeOf(options.since, cli.now_ms);
      const before = options.before === undefined ? undefined : await fullHash(client, options.before);
      const reply = await client.call('registry_history', {
        query: {
          limit,
          ...(path === undefined ? {} : { path }),
          ...(agent === undefined ? {} : { agent }),
          ...(object === undefined ? {} : { object }),
          ...(since === undefined ? {} : { since }),
          ...(before === undefined ? {} : { before }),
          ...(record === true ? { ref: 'record' as const } : {}),
        },
      });
      cli.answer(reply, () => printHistory(cli, reply));
    });
  examples(history, [
    ['nox registry history --since "1d ago" --path agents.toml', 'changes of agents since yesterday'],
  ]);
}

interface RollbackOptions {
  readonly last?: true;
  readonly hours?: number;
  readonly at?: string;
  readonly tag?: string;
  readonly agent?: string[];
  readonly path?: string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

function rollbackCommand(registry: Command, cliOf: CliOf): void {
  const rollback = registry
    .command('rollback')
    .description('go back to an earlier configuration, live; shows first what would happen')
    .argument('[hash]', 'the commit to go back to, or the beginning of its hash')
    .option('--last', 'undo the newest change')
    .option('--hours <number>', 'what was in force so many hours ago', positive)
    .option('--at <time>', 'what was in force then, as "2h ago" or a date')
    .option('--tag <name>', 'a named point')
    .option('--agent <id...>', 'only these agents; everything else stays')
    .option('--path <file...>', 'only these files, as agents.toml')
    .option('--dry-run', 'only show what would happen')
    .option('-y, --yes', 'do not ask')
    .action(async (hash: string | undefined, options: RollbackOptions, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const target = { ...(await targetOf(cli, hash, options)), ...scopeOf(options) };
      const plan = await client.call('registry_rollback', { body: { ...target, dry_run: true } });
      if (options.dryRun === true) {
        cli.answer(plan, () => cli.print(planView(cli, plan, cli.style)));
        return;
      }
      if (!cli.json || options.yes !== true) cli.say(planView(cli, plan, cli.words).trimEnd());
      await cli.confirm('Go back to this?', options.yes);
      // Exactly what was shown: by now "the newest change" could be another one.
      const done = await client.call(
        'registry_rollback',
        { body: { ...goalOf(plan, target), confirm: true } },
        { timeout_ms: ROLLBACK_TIMEOUT_MS },
      );
      cli.answer(done, () => {
        if (done.commit !== null) cli.print(`${done.commit.hash}\n`);
        cli.say(
          done.commit === null ? 'Nothing differed; nothing was changed.' : 'Done. Undo it with: nox registry undo',
        );
      });
    });
  examples(rollback, [
    ['nox registry rollback --last --dry-run', 'what undoing the newest change would do'],
    ['nox registry rollback 3fa9c1d', 'back to that commit'],
    ['nox registry rollback --agent lead --at "1d ago"', 'one agent as it was yesterday'],
    ['nox registry rollback --at "2026-11-20 18:00"', 'back to yesterday evening'],
  ]);
}

/** The one way of the five in which the target was named. */
async function targetOf(
  cli: Cli,
  hash: string | undefined,
  options: RollbackOptions,
): Promise<Partial<RollbackRequest>> {
  const { last, hours, at, tag } = options;
  if ([hash, last, hours, at, tag].filter((way) => way !== undefined).length !== 1) {
    throw usageError('Say where to go back to: a hash, --last, --hours, --at or --tag.');
  }
  if (last !== undefined) return { last };
  if (tag !== undefined) return { tag };
  if (hours !== undefined) return { hours };
  if (at !== undefined) return { at: timeOf(at, cli.now_ms) };
  return { commit_hash: await fullHash(await cli.client(), hash ?? '') };
}

function scopeOf({ agent, path }: RollbackOptions): Pick<RollbackRequest, 'agents' | 'paths'> {
  const paths = path === undefined ? undefined : IntentFileName.array().safeParse(path);
  if (paths?.success === false) throw usageError(`--path takes ${IntentFileName.options.join(', ')}.`);
  return { ...(agent === undefined ? {} : { agents: agent }), ...(paths === undefined ? {} : { paths: paths.data }) };
}

/** Exactly what was shown, by its hash; a tag may lie on another branch, so it stays a tag. */
function goalOf(plan: RouteReply<'registry_rollback'>, { tag, agents, paths }: Partial<RollbackRequest>) {
  const scope = { ...(agents === undefined ? {} : { agents }), ...(paths === undefined ? {} : { paths }) };
  return tag === undefined ? { commit_hash: plan.target.hash, ...scope } : { tag, ...scope };
}

function printHistory(cli: Cli, { commits, has_more }: RouteReply<'registry_history'>): void {
  if (commits.length === 0) cli.say('No commit is like that.');
  else historyTable(cli, commits);
  const last = commits.at(-1);
  if (has_more && last !== undefined) cli.say(cli.words.dim(`There are more: --before ${last.hash.slice(0, 8)}`));
}

function commitView(cli: Cli, c: RegistryCommit): string {
  const rows: [string, string | null][] = [
    ['commit', c.hash],
    ['subject', c.subject],
    ['by', c.actor ?? c.author],
    ['when', `${relative(c.timestamp, cli.now_ms)} (${c.timestamp})`],
    ['action', c.action],
    ['object', c.object],
    ['request', c.request_id],
    ['files', c.files.join(', ')],
  ];
  if (c.rollback_to !== null) rows.push(['back to', c.rollback_to], ['from', c.rollback_of]);
  return pairs(rows, cli.style.dim);
}

function statusView(cli: Cli, s: RegistryStatus): string {
  return pairs(
    [
      ['folder', s.path],
      ['branch', s.branch],
      ['commit', s.head],
      ['record', s.record_head],
      ['unsaved', s.dirty.join(', ') || 'nothing'],
      ['invalid', s.invalid.length === 0 ? 'nothing' : s.invalid.map((i) => i.file).join(', ')],
      ['held', s.held.length === 0 ? 'nothing' : s.held.map((h) => h.file).join(', ')],
      ['record to commit', s.record_pending],
      ['backup', s.remote.state],
    ],
    cli.style.dim,
  );
}

function timeOf(text: string, now_ms: number): string {
  const time = parseTime(text, now_ms);
  if (time === undefined) throw usageError(`"${text}" is no time: say "2h ago" or 2026-11-20T18:00.`);
  return time;
}

function historyLimit(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 500) return value;
  throw new InvalidArgumentError('It must be a whole number from 1 to 500.');
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}
