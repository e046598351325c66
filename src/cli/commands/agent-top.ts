import type { Command } from 'commander';
import type { Agent } from '../../contracts/agent.js';
import type { AgentResources } from '../../contracts/resources.js';
import { allPages } from '../all-pages.js';
import type { Cli, CliOf } from '../cli.js';
import { type Painted, stateCell } from '../output/style.js';
import type { Cell, Column } from '../output/table.js';

const COLUMNS: readonly Column[] = [
  { head: 'ID' },
  { head: 'STATUS' },
  { head: 'CPU', align: 'right' },
  { head: 'OF', align: 'right' },
  { head: 'MEMORY', align: 'right' },
  { head: 'OF', align: 'right' },
  { head: 'PEAK', align: 'right' },
  { head: 'PROCESSES', align: 'right' },
];

interface Top extends Pick<AgentResources, 'limits' | 'now'> {
  readonly id: string;
  readonly status: Agent['status'];
  readonly throttled: boolean;
  /** The most memory of the last day. */
  readonly peak_memory_bytes: number;
}

/** `nox agent top`: what every agent uses of the machine, the busiest first. */
export function agentTopCommand(agent: Command, cliOf: CliOf): void {
  agent
    .command('top')
    .description('what every agent uses of the machine, and what it may')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const { items } = await allPages(async (page) => {
        const reply = await client.call('agents_list', { query: page });
        return { items: reply.agents, pagination: reply.pagination };
      });
      const agents = await Promise.all(
        items.map(async ({ id, status, throttled = false }): Promise<Top> => {
          const { limits, now, history } = await client.call('agents_resources', {
            params: { id },
            query: { points: 1 },
          });
          return { id, status, throttled, limits, now, peak_memory_bytes: history[0]?.memory_bytes ?? 0 };
        }),
      );
      agents.sort((a, b) => (b.now?.cpu_percent ?? -1) - (a.now?.cpu_percent ?? -1) || a.id.localeCompare(b.id));
      cli.answer({ agents }, () => {
        if (agents.length === 0) cli.say('There are no agents yet. Make one: nox agent add NAME --prompt TEXT --start');
        else
          cli.printTable(
            COLUMNS,
            agents.map((each) => row(cli, each)),
          );
      });
    });
}

const row = (cli: Cli, { id, status, throttled, limits, now, peak_memory_bytes: peak }: Top): Cell[] => [
  id,
  stateOf(cli, status, throttled),
  now === null ? '' : `${Math.round(now.cpu_percent)} %`,
  `${limits.max_cpu_percent} %`,
  now === null ? '' : mib(now.memory_bytes),
  `${limits.max_memory_mb} MiB`,
  peak === 0 ? '' : mib(peak),
  now?.processes ?? '',
];

function stateOf(cli: Cli, status: Agent['status'], throttled: boolean): Painted {
  const cell = stateCell(status, cli.style);
  return throttled ? { ...cell, text: `${cell.text}, throttled` } : cell;
}

const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
