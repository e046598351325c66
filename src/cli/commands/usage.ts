import type { Command } from 'commander';
import type { Budget, UsageTotals } from '../../contracts/agent.js';
import type { Cli, CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { cost } from '../output/agent-view.js';
import type { Cell, Column } from '../output/table.js';

const SUMS: readonly Column[] = [
  { head: 'TURNS', align: 'right' },
  { head: 'TOKENS IN', align: 'right' },
  { head: 'TOKENS OUT', align: 'right' },
  { head: 'COST', align: 'right' },
];

/** `nox usage`: what the agents have used, and what they may use. */
export function usageCommand(program: Command, cliOf: CliOf): void {
  const usage = program
    .command('usage')
    .description('turns, tokens and cost: of all agents today, or day by day')
    .argument('[agent]', 'its id')
    .option('--days <number>', 'day by day, so many of them (with an agent: 7)')
    .action(async (id: string | undefined, options: { days?: string }, command: Command) => {
      const cli = cliOf(command);
      const days = options.days === undefined ? 7 : Number(options.days);
      if (!Number.isInteger(days) || days < 1 || days > 366) throw usageError('--days takes 1 to 366.');
      if (id !== undefined) await agentUsage(cli, id, days);
      else if (options.days === undefined) await fleetUsage(cli);
      else await fleetDays(cli, days);
    });
  examples(usage, [
    ['nox usage', 'all agents, today'],
    ['nox usage --days 30', 'all agents together, day by day'],
    ['nox usage lead --days 30', 'one agent, day by day'],
  ]);
}

async function agentUsage(cli: Cli, id: string, days: number): Promise<void> {
  const found = await (await cli.client()).call('agents_usage', { params: { id }, query: { days } });
  cli.answer(found, () => {
    cli.printTable(
      [{ head: 'DAY' }, ...SUMS],
      found.days.map((each) => [each.day, ...sums(each)]),
    );
    sayBudget(cli, found.budget);
  });
}

async function fleetUsage(cli: Cli): Promise<void> {
  const found = await (await cli.client()).call('usage');
  cli.answer(found, () => {
    const rows = found.agents.map((each): Cell[] => [each.agent_id, ...sums(each)]);
    cli.printTable([{ head: 'AGENT' }, ...SUMS], [...rows, ['all today', ...sums(found.today)]]);
    sayBudget(cli, found.budget);
  });
}

async function fleetDays(cli: Cli, days: number): Promise<void> {
  const found = await (await cli.client()).call('usage_days', { query: { days } });
  cli.answer(found, () => {
    cli.printTable(
      [{ head: 'DAY' }, ...SUMS],
      found.days.map((each) => [each.day, ...sums(each)]),
    );
    cli.printTable(
      [{ head: 'AGENT' }, ...SUMS],
      found.agents.map((each): Cell[] => [each.agent_id, ...sums(each)]),
    );
    sayBudget(cli, found.budget);
  });
}

const sums = ({ turns, input_tokens, output_tokens, cost_usd }: UsageTotals): Cell[] => [
  turns,
  input_tokens,
  output_tokens,
  cost(cost_usd),
];

function sayBudget(cli: Cli, budget: Budget): void {
  const limits = [
    budget.usd_per_day === undefined ? [] : [`${budget.usd_per_day} USD`],
    budget.tokens_per_day === undefined ? [] : [`${budget.tokens_per_day} tokens`],
    budget.turns_per_day === undefined ? [] : [`${budget.turns_per_day} turns`],
  ].flat();
  if (limits.length > 0) cli.say(cli.words.dim(`budget per day: ${limits.join(', ')}`));
}
