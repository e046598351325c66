import type { Command } from 'commander';
import type { Turn } from '../../contracts/turn.js';
import type { Cli, CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { REQUEUE } from './agent.js';
import { cost } from '../output/agent-view.js';
import { shortInput } from '../output/prompt-printer.js';
import { painted, stateCell } from '../output/style.js';
import { pairs } from '../output/table.js';
import { oneLine, plain } from '../output/text.js';
import { relative } from '../output/time.js';

/** `nox turn`: prompts and what came of them. */
export function turnCommands(program: Command, cliOf: CliOf): void {
  const turn = program.command('turn').alias('turns').description('prompts and what came of them');
  turn
    .command('ls')
    .alias('list')
    .description('the latest turns of an agent, oldest first')
    .argument('<agent>')
    .option('-n, --limit <number>', 'how many', '20')
    .action(async (id: string, options: { limit: string }, command: Command) => {
      const cli = cliOf(command);
      const limit = Number(options.limit);
      if (!Number.isInteger(limit) || limit < 1 || limit > 200) throw usageError('-n takes 1 to 200.');
      const reply = await (await cli.client()).call('agents_conversation', { params: { id }, query: { limit } });
      cli.answer(reply, ({ turns }) => printTurns(cli, turns));
    });
  turn
    .command('show')
    .alias('get')
    .description('one turn, also while it runs')
    .argument('<turn>', 'its id, trn_…')
    .action(async (id: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const found = await (await cli.client()).call('turns_get', { params: { id } });
      cli.answer(found, () => cli.print(turnView(cli, found)));
    });
  turn
    .command('cancel')
    .description('take a queued turn back, or interrupt the one that runs')
    .argument('<turn>', 'its id, trn_…')
    .option(...REQUEUE)
    .action(async (id: string, { requeue }: { requeue?: boolean }, command: Command) => {
      const cli = cliOf(command);
      const ended = await (
        await cli.client()
      ).call('turns_cancel', { params: { id }, body: { requeue: requeue === true } });
      cli.answer(ended, () => cli.say(`${ended.id} ${painted(stateCell(ended.status, cli.words))}`));
    });
}

function printTurns(cli: Cli, turns: readonly Turn[]): void {
  if (turns.length === 0) {
    cli.say('No prompt has been given yet: nox agent prompt ID TEXT');
    return;
  }
  cli.printTable(
    [{ head: 'TURN' }, { head: 'WHEN' }, { head: 'BY' }, { head: 'STATUS' }, { head: 'PROMPT', shrinks: true }],
    turns.map((t) => [t.id, relative(t.queued_at, cli.now_ms), t.actor, stateCell(t.status, cli.style), t.prompt]),
  );
}

function turnView(cli: Cli, t: Turn): string {
  const { style, now_ms } = cli;
  const usage = t.usage === null ? undefined : `${t.usage.input_tokens} tokens in, ${t.usage.output_tokens} out`;
  const facts = pairs(
    [
      ['turn', t.id],
      ['agent', t.agent_id],
      ['status', stateCell(t.status, style)],
      ['why', t.reason],
      ['asked by', `${t.actor} (${t.source})`],
      ['queued', relative(t.queued_at, now_ms)],
      ['started', relative(t.started_at, now_ms)],
      ['ended', relative(t.ended_at, now_ms)],
      ['usage', usage],
      ['cost', t.usage === null ? undefined : cost(t.usage.cost_usd)],
    ],
    style.dim,
  );
  const blocks = t.blocks.map((block) => {
    if (block.type === 'text') return plain(block.text);
    const { name, input, decision, is_error, result } = block.tool;
    const end = result === null ? '' : `\n${is_error === true ? '✕' : '✓'} ${oneLine(result)}`;
    return style.dim(`⚙ ${oneLine(name)} ${shortInput(input)} (${decision})${end}`);
  });
  return [facts, `${style.dim('prompt')}\n${plain(t.prompt)}\n`, ...blocks.map((b) => `${b.trimEnd()}\n`)].join('\n');
}
