import { type Command, Option } from 'commander';
import type { Approval, ApprovalStatus } from '../../contracts/approval.js';
import { allPages } from '../all-pages.js';
import type { Cli, CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { approvalTable, approvalView } from '../output/approval-view.js';
import { painted, stateCell } from '../output/style.js';
import { pickShort } from '../short-id.js';

const STATUSES = ['pending', 'parked', 'approved', 'denied', 'expired', 'cancelled'] as const;
const FULL_ID = /^apr_[0-9A-HJKMNP-TV-Z]{26}$/;

/** `nox approval`: what waits for a decision, and decisions. */
export function approvalCommands(program: Command, cliOf: CliOf): void {
  const approval = program.command('approval').alias('approvals').description('what waits for you, and decisions');
  approval
    .command('ls')
    .alias('list')
    .description('list what waits for you')
    .addOption(new Option('--status <status>', 'those that ended so').choices(STATUSES))
    .option('--all', 'also those that ended')
    .option('--agent <id>', 'of one agent')
    .action(async (options: ListOptions, command: Command) => {
      const cli = cliOf(command);
      const { items: approvals, pagination } = await read(cli, options);
      cli.answer({ approvals, pagination }, () => {
        if (approvals.length === 0)
          cli.say(options.all === true ? 'Nothing was ever asked.' : 'Nothing waits for you.');
        else approvalTable(cli, approvals);
      });
    });
  approval
    .command('show')
    .alias('get')
    .description('what exactly wants to run; hidden characters are made visible')
    .argument('<id>', 'its id, or its first or last characters')
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      const found = await (await cli.client()).call('approvals_get', { params: { id } });
      cli.answer(found, () => cli.print(approvalView(cli, found)));
    });
  const approve = approval
    .command('approve')
    .description('let it run, as asked or edited')
    .argument('<id...>', 'ids, or their first or last characters')
    .option('--reason <text>', 'why; it is kept')
    .option('--input <json>', 'run it with this input instead')
    .action(async (shorts: string[], { reason, input }: DecideOptions, command: Command) => {
      const updated_input = input === undefined ? undefined : objectOf(input);
      if (updated_input !== undefined && shorts.length > 1) throw usageError('--input goes with one id only.');
      const given = { ...(reason === undefined ? {} : { reason }), ...(updated_input && { updated_input }) };
      await decide(cliOf(command), 'approvals_approve', shorts, given);
    });
  examples(approve, [
    ['nox approval approve 7QK2', 'by the end of its id'],
    ['nox approval approve 7QK2 --input \'{"command":"npm test"}\'', 'but run this instead'],
  ]);
  approval
    .command('deny')
    .alias('reject')
    .description('refuse it; the agent reads the reason')
    .argument('<id...>', 'ids, or their first or last characters')
    .option('--reason <text>', 'why, for the agent')
    .action(async (shorts: string[], { reason }: DecideOptions, command: Command) => {
      await decide(cliOf(command), 'approvals_deny', shorts, reason === undefined ? {} : { reason });
    });
}

interface ListOptions {
  readonly status?: ApprovalStatus;
  readonly all?: boolean;
  readonly agent?: string;
}

interface DecideOptions {
  readonly reason?: string;
  readonly input?: string;
}

/** What waits, oldest first: pending, then parked; or what the options say. */
async function read(cli: Cli, { status, all, agent }: ListOptions) {
  const client = await cli.client();
  const list = (wanted: ApprovalStatus | undefined) =>
    allPages(async (page) => {
      const agent_id = agent === undefined ? {} : { agent_id: agent };
      const query = { ...page, ...agent_id, ...(wanted === undefined ? {} : { status: wanted }) };
      const reply = await client.call('approvals_list', { query });
      return { items: reply.approvals, pagination: reply.pagination };
    });
  if (all === true || status !== undefined) return list(status);
  const [pending, parked] = await Promise.all([list('pending'), list('parked')]);
  const items = [...pending.items, ...parked.items];
  return { items, pagination: { page: 1, limit: items.length, total: items.length } };
}

async function decide(
  cli: Cli,
  route: 'approvals_approve' | 'approvals_deny',
  shorts: readonly string[],
  given: { reason?: string; updated_input?: Record<string, unknown> },
): Promise<void> {
  const client = await cli.client();
  // All ids first: a wrong one must not leave the decision half done.
  const ids: string[] = [];
  for (const short of shorts) ids.push(await fullId(cli, short));
  for (const id of ids) {
    const decided = await client.call(route, { params: { id }, body: { ...given, channel: 'cli' } });
    cli.answer(decided, () => cli.say(`${id} ${painted(stateCell(decided.status, cli.words))}: ${describe(decided)}`));
  }
}

const describe = ({ agent_id, tool_name }: Approval): string => `${tool_name} of ${agent_id}`;

/** The one approval that a shortened id means: among those that wait, else among all. */
async function fullId(cli: Cli, short: string): Promise<string> {
  if (FULL_ID.test(short)) return short;
  const waiting = pickShort(
    short,
    (await read(cli, {})).items.map((a) => a.id),
    'apr_',
  );
  if (waiting !== undefined) return waiting;
  const any = pickShort(
    short,
    (await read(cli, { all: true })).items.map((a) => a.id),
    'apr_',
  );
  if (any !== undefined) return any;
  const { CliError } = await import('../cli-error.js');
  throw new CliError('APPROVAL_NOT_FOUND', `No approval has an id like ${short}.`);
}

function objectOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usageError(`--input is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usageError('--input must be an object.');
  return value as Record<string, unknown>;
}
