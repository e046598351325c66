import type { Command } from 'commander';
import type { RouteReply } from '../../contracts/routes.js';
import type { Cli, CliOf } from '../cli.js';
import { Exit } from '../cli-error.js';
import { pairs } from '../output/table.js';
import { oneLine } from '../output/text.js';
import { relative } from '../output/time.js';

const LONG_MS = 900_000;

interface PruneOptions {
  readonly days?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `nox registry verify | repair | prune | gc`: whether the repository is whole, and what to do about it. */
export function careCommands(registry: Command, cliOf: CliOf): void {
  registry
    .command('verify')
    .description('read the whole repository now; ends with 1 when something is damaged')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const status = await (await cli.client()).call('registry_verify', {}, { timeout_ms: LONG_MS });
      cli.answer(status, () => cli.print(careView(cli, status)));
      if (status.ok) return;
      cli.say(cli.words.red('Nothing is written to it any more. Repair it: nox registry repair'));
      throw new Exit(1);
    });
  registry
    .command('repair')
    .description('make a damaged repository whole, from its last good bundle and what can still be read')
    .option('-y, --yes', 'do not ask')
    .action(async ({ yes }: { yes?: boolean }, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const status = await client.call('registry_verify', {}, { timeout_ms: LONG_MS });
      if (status.ok) return cli.answer(status, () => cli.say('The registry is whole; there is nothing to repair.'));
      cli.say(careView(cli, status).trimEnd());
      await cli.confirm('Repair it? The damaged parts are put aside.', yes);
      const done = await client.call('registry_repair', { body: { confirm: true } }, { timeout_ms: LONG_MS });
      cli.answer(done, () => {
        const rows = done.refs.map(({ ref, commit_hash, from }): [string, string] => [
          oneLine(ref),
          `${commit_hash.slice(0, 8)} ${from === 'bundle' ? 'as in the bundle' : 'with newer commits'}`,
        ]);
        cli.print(pairs([...rows, ['damaged parts', done.damaged_folder]], cli.style.dim));
      });
    });
  registry
    .command('prune')
    .description("put the record's old commits into one; its files stay, and what is in force keeps its history")
    .option('--days <n>', 'how many days of commits stay (default: retention.record_days)')
    .option('--dry-run', 'only show what would go')
    .option('-y, --yes', 'do not ask')
    .action(async ({ days, dryRun, yes }: PruneOptions, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const body = days === undefined ? {} : { days: Number(days) };
      const plan = await client.call('registry_prune', { body: { ...body, dry_run: true } }, { timeout_ms: LONG_MS });
      const words = `${plan.pruned} commits before ${plan.before.slice(0, 10)} go into one, ${plan.kept} stay`;
      if (dryRun === true || plan.pruned === 0) return cli.answer(plan, () => cli.print(`${words}\n`));
      await cli.confirm(`${words}. Prune?`, yes);
      const done = await client.call('registry_prune', { body: { ...body, confirm: true } }, { timeout_ms: LONG_MS });
      cli.answer(done, () =>
        cli.print(
          `${done.pruned} commits went into one, which names ${done.from?.slice(0, 8) ?? ''}; the record is at ${done.new_head?.slice(0, 8) ?? ''}\n`,
        ),
      );
    });
  registry
    .command('gc')
    .description('pack the repository; it is done by itself when there is need')
    .option('--dry-run', 'only show how it stands')
    .action(async ({ dryRun }: { dryRun?: boolean }, command: Command) => {
      const cli = cliOf(command);
      const body = { dry_run: dryRun === true };
      const { before, after, ...rest } = await (
        await cli.client()
      ).call('registry_gc', { body }, { timeout_ms: LONG_MS });
      const text = (s: typeof before): string =>
        `${s.packs} packs, ${s.loose_objects} loose objects, ${Math.ceil(s.pack_bytes / 1024)} KiB`;
      cli.answer({ ...rest, before, after }, () => {
        cli.print(`${text(before)}${rest.dry_run ? '' : ` → ${text(after)}`}\n`);
      });
    });
}

function careView(cli: Cli, { ok, problems, bundle }: RouteReply<'registry_verify'>): string {
  const made = bundle === null ? 'none' : `${bundle.path}, ${relative(bundle.made_at, cli.now_ms)}`;
  const rows = problems.map((problem): [string, string] => ['', oneLine(problem)]);
  return pairs([['repository', ok ? 'whole' : 'DAMAGED'], ...rows, ['last good bundle', made]], cli.style.dim);
}
