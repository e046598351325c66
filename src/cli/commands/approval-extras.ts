import type { Command } from 'commander';
import type { ApprovalLink } from '../../contracts/approval-link.js';
import type { Cli, CliOf } from '../cli.js';
import { examples } from '../help.js';
import { shortInput } from '../output/prompt-printer.js';
import { riskCell } from '../output/style.js';
import { relative } from '../output/time.js';

type FullId = (cli: Cli, short: string) => Promise<string>;

/** What goes beyond one decision: groups, undo, rules that follow, links for phones, who was told. */
export function approvalExtras(approval: Command, cliOf: CliOf, fullId: FullId): void {
  approval
    .command('groups')
    .description('what waits, identical requests together; approve or deny them with --alike')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const reply = await (await cli.client()).call('approvals_groups');
      cli.answer(reply, ({ groups }) => {
        if (groups.length === 0) return cli.say('Nothing waits for you.');
        const rows = groups.map(({ members, risk_level, tool_name, input }) => [
          members[0]?.id,
          members.length,
          riskCell(risk_level, cli.style),
          [...new Set(members.map(({ agent_id }) => agent_id))].join(', '),
          tool_name,
          shortInput(input),
        ]);
        const heads = ['FIRST', 'CALLS', 'RISK', 'AGENTS', 'TOOL'].map((head) => ({ head }));
        cli.printTable([...heads, { head: 'WHAT', shrinks: true }], rows);
      });
    });
  approval
    .command('undo')
    .description('take a decision back, as long as the call has not heard of it')
    .argument('<id>', 'its id, or its first or last characters')
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      const undone = await (await cli.client()).call('approvals_undo', { params: { id } });
      cli.answer(undone, () => cli.say(`${id} waits again.`));
    });
  approval
    .command('rule')
    .description('the rule that would follow from approving this always, tried on past requests; changes nothing')
    .argument('<id>', 'its id, or its first or last characters')
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      const offer = await (await cli.client()).call('approvals_rule', { params: { id } });
      cli.answer(offer, ({ rule, why_not, dry_run }) => {
        if (rule === null) return cli.say(`No rule can be made of this: ${why_not ?? 'nothing fits'}.`);
        cli.print(`${cli.style.bold(rule.id)}  ${rule.then} when ${JSON.stringify(rule.when)}\n`);
        if (dry_run === null || dry_run.looked_at === 0) return cli.say('No past request to try the rule on.');
        const { same, looked_at, different, asked } = dry_run;
        cli.print(
          `would have decided ${same} of the last ${looked_at} as you did, ${different} differently; ${asked} would still ask\n`,
        );
      });
    });
  approval
    .command('notices')
    .description('who was told of a request, or will be, beside the dashboard')
    .argument('<id>', 'its id, or its first or last characters')
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      const reply = await (await cli.client()).call('approvals_notices', { params: { id } });
      cli.answer(reply, ({ notices }) => {
        if (notices.length === 0) return cli.say('Nobody: system-config.toml has no attention.steps.');
        const heads = ['STEP', 'BY', 'STATE', 'TRIES', 'DUE', 'REASON'].map((head) => ({ head }));
        cli.printTable(
          heads,
          notices.map((n) => [n.step_id, n.via, n.state, n.attempts, relative(n.due_at, cli.now_ms), n.reason]),
        );
      });
    });
  linkCommands(approval, cliOf, fullId);
}

function linkCommands(approval: Command, cliOf: CliOf, fullId: FullId): void {
  const link = approval
    .command('link')
    .description('make a one-time link by which a phone can decide this request; it is shown once')
    .argument('<id>', 'its id, or its first or last characters')
    .option('--for <user>', 'in the name of this user instead of yours; for admins')
    .option('--hours <n>', 'how long it is good, at most as long as the request waits', '24')
    .action(async (short: string, options: { for?: string; hours: string }, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      const body = {
        expires_in_s: Math.round(Number(options.hours) * 3600),
        ...(options.for === undefined ? {} : { username: options.for }),
      };
      const made = await (await cli.client()).call('approval_links_create', { params: { id }, body });
      cli.answer(made, () => cli.print(`${made.url}\n`));
    });
  examples(link, [['nox approval link 7QK2 --for bob', 'a link in the name of bob']]);
  approval
    .command('links')
    .description('the one-time links of a request, or revoke one')
    .argument('<id>', 'its id, or its first or last characters')
    .option('--revoke <link>', 'revoke this link')
    .action(async (short: string, { revoke }: { revoke?: string }, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const id = await fullId(cli, short);
      const links: ApprovalLink[] =
        revoke === undefined
          ? (await client.call('approval_links_list', { params: { id } })).links
          : [await client.call('approval_links_revoke', { params: { id, link_id: revoke } })];
      cli.answer({ links }, () => {
        if (links.length === 0) return cli.say('This request has no links.');
        const heads = ['ID', 'FOR', 'STATUS', 'EXPIRES'].map((head) => ({ head }));
        cli.printTable(
          heads,
          links.map((l) => [l.id, l.username, l.status, relative(l.expires_at, cli.now_ms)]),
        );
      });
    });
}
