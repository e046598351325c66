import type { Command } from 'commander';
import type { AnyNoxEvent } from '../../contracts/event.js';
import type { Cli, CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { eventLine } from '../output/event-line.js';
import { sayState } from './agent-logs.js';

interface EventsOptions {
  readonly follow?: boolean;
  readonly agent?: string;
  readonly area?: string[];
  readonly after?: string;
  readonly lines: string;
}

/** `nox events`: what happened, and what happens. */
export function eventsCommand(program: Command, cliOf: CliOf): void {
  const events = program
    .command('events')
    .description('what happened lately, or with -f what happens')
    .option('-f, --follow', 'go on with what comes, until Ctrl-C')
    .option('--agent <id>', 'of one agent')
    .option('--area <names...>', 'only these: agent, turn, approval, registry, system')
    .option('--after <seq>', 'those after this one')
    .option('-n, --lines <number>', 'how many past ones at most', '50')
    .action(async (options: EventsOptions, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const limit = count(options.lines, '-n');
      const after_seq =
        options.after === undefined
          ? Math.max(0, (await client.call('system_status')).last_seq - limit)
          : count(options.after, '--after');
      const filter = {
        after_seq,
        ...(options.agent === undefined ? {} : { agent_id: options.agent }),
      };
      const areas = options.area?.flatMap((names) => names.split(','));
      if (options.follow === true) {
        const stream = client.events({ ...filter, areas, onState: sayState(cli) });
        for await (const event of stream) show(cli, event);
        return;
      }
      const query = {
        ...filter,
        ...(areas === undefined ? {} : { areas: areas.join(',') }),
        follow: 'false' as const,
        limit: Math.max(1, limit),
      };
      const page = await client.call('events', { query });
      const { parseEvent } = await import('../../contracts/event.js');
      cli.answer(page, () => {
        for (const raw of page.events) {
          const event = parseEvent(raw);
          if (event !== undefined) show(cli, event);
        }
      });
    });
  examples(events, [
    ['nox events -f --area approval agent', 'watch approvals and agents'],
    ['nox events -f --json | jq .type', 'for programs'],
  ]);
}

const show = (cli: Cli, event: AnyNoxEvent): void =>
  cli.answer(event, () => cli.print(`${eventLine(event, cli.style, cli.width)}\n`));

function count(text: string, option: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw usageError(`${option} takes a whole number.`);
}
