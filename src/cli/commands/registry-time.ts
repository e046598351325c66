import { type Command, Option } from 'commander';
import type { MergeConflict } from '../../contracts/registry.js';
import type { RouteReply } from '../../contracts/routes.js';
import type { Cli, CliOf } from '../cli.js';
import { CliError, usageError } from '../cli-error.js';
import { fullHash } from '../commit-hash.js';
import { examples } from '../help.js';
import { changesView, patchView, planView, stepsView } from '../output/registry-view.js';
import { cut, oneLine, visible } from '../output/text.js';
import { relative } from '../output/time.js';
import { several } from '../several.js';

const LIVE_TIMEOUT_MS = 180_000;
const VALUE_WIDTH = 60;

interface Asked {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `nox registry undo | branch | tag`. */
export function timeCommands(registry: Command, cliOf: CliOf): void {
  registry
    .command('undo')
    .description('take back the newest rollback; what was changed since stays')
    .option('--dry-run', 'only show what would happen')
    .option('-y, --yes', 'do not ask')
    .action(async (options: Asked, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const plan = await client.call('registry_undo', { body: { dry_run: true } });
      if (options.dryRun === true) return cli.answer(plan, () => cli.print(planView(cli, plan, cli.style)));
      if (!cli.json || options.yes !== true) cli.say(planView(cli, plan, cli.words).trimEnd());
      await cli.confirm('Undo the newest rollback?', options.yes);
      const done = await client.call('registry_undo', { body: { confirm: true } }, { timeout_ms: LIVE_TIMEOUT_MS });
      cli.answer(done, () => {
        if (done.commit !== null) cli.print(`${done.commit.hash}\n`);
        cli.say(
          done.commit === null ? 'Nothing differed; nothing was changed.' : 'Done. The same command does it again.',
        );
      });
    });
  const branch = registry
    .command('branch')
    .description('branches for experiments: try a configuration, keep or leave it');
  branchCommands(branch, cliOf);
  const tag = registry.command('tag').description('named points of the history; go back with: rollback --tag NAME');
  tagCommands(tag, cliOf);
}

function branchCommands(branch: Command, cliOf: CliOf): void {
  branch
    .command('list', { isDefault: true })
    .description('all branches; the one with * is in force')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const reply = await (await cli.client()).call('registry_branches');
      cli.answer(reply, () => branchTable(cli, reply));
    });
  branch
    .command('create')
    .description('start a branch; what is in force stays so')
    .argument('<name>', 'a-z, 0-9 and "-"')
    .option('--from <hash>', 'the commit at which it starts (default: what is in force)')
    .action(async (name: string, options: { from?: string }, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const from = options.from === undefined ? {} : { from: await fullHash(client, options.from) };
      const made = await client.call('registry_branch_create', { body: { name, ...from } });
      cli.answer(made, () =>
        cli.say(`Branch ${name} starts at ${made.head.slice(0, 8)}. Try it: nox registry branch switch ${name}`),
      );
    });
  branch
    .command('diff')
    .description('what differs between what is in force and a branch')
    .argument('<name>')
    .action(async (name: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const diff = await (await cli.client()).call('registry_branch_diff', { params: { name } });
      cli.answer(diff, () => {
        if (diff.objects.length === 0 && diff.patch === '') cli.say('Nothing differs.');
        else cli.print(`${changesView(cli, diff.objects)}\n${patchView(cli, diff.patch)}`);
      });
    });
  switchCommand(branch, cliOf);
  mergeCommand(branch, cliOf);
  branch
    .command('delete')
    .description('delete a branch')
    .argument('<name>')
    .option('--force', 'also when it holds changes that nothing else has')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, options: { force?: boolean; yes?: boolean }, command: Command) => {
      const cli = cliOf(command);
      await cli.confirm(`Delete branch ${name}?`, options.yes);
      const query = { force: options.force === true ? ('true' as const) : ('false' as const) };
      const gone = await (await cli.client()).call('registry_branch_delete', { params: { name }, query });
      cli.answer(gone, () => cli.say(`Branch ${name} is gone; it was at ${gone.head}.`));
    });
}

function switchCommand(branch: Command, cliOf: CliOf): void {
  branch
    .command('switch')
    .description('put a branch in force, live; shows first what would happen')
    .argument('<name>')
    .option('--dry-run', 'only show what would happen')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, options: Asked, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const plan = await client.call('registry_branch_switch', { params: { name }, body: { dry_run: true } });
      const show = () =>
        `From ${plan.from} to ${plan.to}\n${changesView(cli, plan.objects)}${stepsView(plan.reconciled)}`;
      if (options.dryRun === true) return cli.answer(plan, () => cli.print(show()));
      if (!cli.json || options.yes !== true) cli.say(show().trimEnd());
      await cli.confirm(`Put branch ${name} in force?`, options.yes);
      const done = await client.call(
        'registry_branch_switch',
        { params: { name }, body: { confirm: true } },
        { timeout_ms: LIVE_TIMEOUT_MS },
      );
      cli.answer(done, () => cli.say(`Branch ${done.to} is in force. Back: nox registry branch switch ${done.from}`));
    });
}

interface MergeOptions extends Asked {
  readonly ours?: readonly string[];
  readonly theirs?: readonly string[];
  readonly prefer?: 'ours' | 'theirs';
}

function mergeCommand(branch: Command, cliOf: CliOf): void {
  const merge = branch
    .command('merge')
    .description('bring the changes of a branch into the one in force, key by key')
    .argument('<name>')
    .option('--ours <file:key>', 'for a key in conflict: keep what is in force', several)
    .option('--theirs <file:key>', "for a key in conflict: take the branch's", several)
    .addOption(new Option('--prefer <side>', 'for all other conflicts').choices(['ours', 'theirs']))
    .option('--dry-run', 'only show what would happen')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, options: MergeOptions, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const choices = [
        ...(options.ours ?? []).map((text) => choiceOf(text, 'ours')),
        ...(options.theirs ?? []).map((text) => choiceOf(text, 'theirs')),
      ];
      const how = { choices, ...(options.prefer === undefined ? {} : { prefer: options.prefer }) };
      const call = { params: { name } };
      const plan = await client.call('registry_branch_merge', { ...call, body: { ...how, dry_run: true } });
      const show = () =>
        plan.conflicts.length > 0
          ? conflictsView(plan.conflicts)
          : `${changesView(cli, plan.objects) || 'Nothing differs.\n'}${stepsView(plan.reconciled)}`;
      if (options.dryRun === true) return cli.answer(plan, () => cli.print(show()));
      if (plan.conflicts.length > 0)
        throw new CliError('MERGE_CONFLICT', `Nothing was changed.\n${conflictsView(plan.conflicts).trimEnd()}`);
      if (!cli.json || options.yes !== true) cli.say(show().trimEnd());
      await cli.confirm(`Merge branch ${name}?`, options.yes);
      const done = await client.call(
        'registry_branch_merge',
        { ...call, body: { ...how, confirm: true } },
        { timeout_ms: LIVE_TIMEOUT_MS },
      );
      cli.answer(done, () => {
        if (done.commit !== null) cli.print(`${done.commit.hash}\n`);
        cli.say(
          done.commit === null ? 'Nothing was to be merged.' : 'Merged. Undo it with: nox registry rollback --last',
        );
      });
    });
  examples(merge, [
    ['nox registry branch merge try --dry-run', 'what it would change, and its conflicts'],
    ['nox registry branch merge try --theirs agents.toml:agents.lead.model', 'a side for one key'],
  ]);
}

function tagCommands(tag: Command, cliOf: CliOf): void {
  tag
    .command('list', { isDefault: true })
    .description('all tags, newest first')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const reply = await (await cli.client()).call('registry_tags');
      cli.answer(reply, () => {
        if (reply.tags.length === 0) return cli.say('There are no tags. Make one: nox registry tag create NAME');
        const rows = reply.tags.map((t) => [
          t.name,
          t.commit_hash.slice(0, 8),
          relative(t.timestamp, cli.now_ms),
          t.actor,
          t.message,
        ]);
        cli.printTable(
          [{ head: 'TAG' }, { head: 'COMMIT' }, { head: 'WHEN' }, { head: 'BY' }, { head: 'MESSAGE', shrinks: true }],
          rows,
        );
      });
    });
  tag
    .command('create')
    .description('name a commit')
    .argument('<name>', 'a-z, 0-9 and "-"')
    .argument('[hash]', 'the commit (default: what is in force)')
    .option('-m, --message <text>', 'why')
    .action(async (name: string, hash: string | undefined, options: { message?: string }, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const at = hash === undefined ? {} : { commit_hash: await fullHash(client, hash) };
      const message = options.message === undefined ? {} : { message: options.message };
      const made = await client.call('registry_tag_create', { body: { name, ...at, ...message } });
      cli.answer(made, () => cli.say(`Tag ${name} is at ${made.commit_hash.slice(0, 8)}.`));
    });
  tag
    .command('delete')
    .description('forget a name; its commit stays')
    .argument('<name>')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, options: { yes?: boolean }, command: Command) => {
      const cli = cliOf(command);
      await cli.confirm(`Delete tag ${name}?`, options.yes);
      const gone = await (await cli.client()).call('registry_tag_delete', { params: { name } });
      cli.answer(gone, () => cli.say(`Tag ${name} is gone; it was at ${gone.commit_hash}.`));
    });
}

function branchTable(cli: Cli, { branches }: RouteReply<'registry_branches'>): void {
  const rows = branches.map((b) => [
    `${b.current ? '*' : ' '} ${b.name}`,
    b.head.slice(0, 8),
    b.current ? '' : `+${b.ahead} -${b.behind}`,
    relative(b.timestamp, cli.now_ms),
    b.subject,
  ]);
  const heads = ['BRANCH', 'COMMIT', 'AGAINST *', 'WHEN'].map((head) => ({ head }));
  cli.printTable([...heads, { head: 'NEWEST', shrinks: true }], rows);
}

function conflictsView(conflicts: readonly MergeConflict[]): string {
  const value = (v: unknown) =>
    v === null || v === undefined ? '-' : cut(oneLine(visible(JSON.stringify(v))), VALUE_WIDTH);
  const rows = conflicts.map(
    (c) => `  ${c.file}:${oneLine(c.key)}\n    ours: ${value(c.ours)}\n    theirs: ${value(c.theirs)}\n`,
  );
  return `Both sides changed these keys; choose with --ours or --theirs FILE:KEY, or --prefer:\n${rows.join('')}`;
}

function choiceOf(text: string, take: 'ours' | 'theirs') {
  const [, file, key] = /^([a-z-]+\.toml):(.+)$/.exec(text) ?? [];
  const files = [
    'agents.toml',
    'agent-relationships.toml',
    'approval-policy.toml',
    'mcp-services.toml',
    'system-config.toml',
  ] as const;
  const known = files.find((each) => each === file);
  if (known === undefined || key === undefined)
    throw usageError(`"${text}" is no key: say it as agents.toml:agents.lead.model.`);
  return { file: known, key, take };
}
