import type { Command } from 'commander';
import type { CliOf } from '../cli.js';
import { Exit } from '../cli-error.js';
import { relative } from '../output/time.js';

/** `nox audit`: what was asked, decided and run, and the proof that nobody changed it. */
export function auditCommands(program: Command, cliOf: CliOf): void {
  const audit = program.command('audit').description('the ledger of decisions, and its proof');
  audit
    .command('ls')
    .alias('list')
    .description('the newest entries')
    .option('--agent <id>', 'of one agent')
    .option('--approval <id>', 'of one request')
    .option('--limit <n>', 'how many', '50')
    .action(
      async ({ agent, approval, limit }: { agent?: string; approval?: string; limit: string }, command: Command) => {
        const cli = cliOf(command);
        const query = {
          limit: Number(limit),
          ...(agent === undefined ? {} : { agent_id: agent }),
          ...(approval === undefined ? {} : { approval_id: approval }),
        };
        const found = await (await cli.client()).call('audit_list', { query });
        cli.answer(found, ({ entries }) => {
          if (entries.length === 0) cli.say('Nothing was ever asked.');
          else
            cli.printTable(
              [
                { head: 'SEQ' },
                { head: 'WHEN' },
                { head: 'WHAT' },
                { head: 'AGENT' },
                { head: 'TOOL' },
                { head: 'BY' },
                { head: 'INPUT' },
              ],
              entries.map(({ seq, at, kind, body }) => [
                String(seq),
                relative(at, cli.now_ms),
                kind,
                body.agent_id,
                body.tool_name,
                body.rule_id ?? body.decided_by ?? '',
                (body.updated_input_sha256 ?? body.input_sha256).slice(0, 12),
              ]),
            );
        });
      },
    );
  audit
    .command('verify')
    .description('follow the whole chain; ends with 1 when something was changed')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const verdict = await (await cli.client()).call('audit_verify');
      cli.answer(verdict, ({ ok, entries, head, anchors, problem }) => {
        if (ok)
          cli.print(
            `whole: ${entries} entries, ${anchors.match} commits of the record agree, head ${head?.slice(0, 12) ?? 'none'}\n`,
          );
        else cli.print(`BROKEN at entry ${problem?.seq ?? 0}: ${problem?.message ?? ''}\n`);
      });
      if (!verdict.ok) throw new Exit(1);
    });
}
