import { type Command, Option } from 'commander';
import type { Approval, ApprovalStatus, ApproveRequest } from '../../contracts/approval.js';
import { allPages } from '../all-pages.js';
import type { Cli, CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { approvalTable, approvalView } from '../output/approval-view.js';
import { painted, stateCell } from '../output/style.js';
import { several } from '../several.js';
import { pickShort } from '../short-id.js';
import { approvalExtras } from './approval-extras.js';

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
    .option('--answer <question=answer>', 'answer a question of the agent; once for each', several, [])
    .option('--remember', 'also make the rule that follows from it; see "nox approval rule"')
    .option('--alike', 'and all others that ask for the very same')
    .option('--undo-for <seconds>', 'tell the call only then; until then "nox approval undo" takes it back')
    .action(async (shorts: string[], options: DecideOptions, command: Command) => {
      const { input, answer = [], remember, alike } = options;
      const updated_input = input === undefined ? undefined : objectOf(input);
      const special = updated_input !== undefined || answer.length > 0 || remember === true;
      if (special && shorts.length > 1) throw usageError('--input, --answer and --remember go with one id only.');
      if (special && alike === true) throw usageError('--alike goes with neither --input, --answer nor --remember.');
      const given = {
        ...wordsOf(options),
        ...(updated_input && { updated_input }),
        ...(answer.length > 0 && { answers: answersOf(answer) }),
        ...(remember === true && { remember }),
      };
      await decide(cliOf(command), 'approve', shorts, given, alike);
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
    .option('--alike', 'and all others that ask for the very same')
    .option('--undo-for <seconds>', 'tell the call only then; until then "nox approval undo" takes it back')
    .action(async (shorts: string[], options: DecideOptions, command: Command) => {
      await decide(cliOf(command), 'deny', shorts, wordsOf(options), options.alike);
    });
  approvalExtras(approval, cliOf, fullId);
}

interface ListOptions {
  readonly status?: ApprovalStatus;
  readonly all?: boolean;
  readonly agent?: string;
}

interface DecideOptions {
  readonly reason?: string;
  readonly input?: string;
  readonly answer?: readonly string[];
  readonly remember?: boolean;
  readonly alike?: boolean;
  readonly undoFor?: string;
}

function wordsOf({ reason, undoFor }: DecideOptions): { reason?: string; undo_s?: number } {
  const undo_s = undoFor === undefined ? undefined : Number(undoFor);
  if (undo_s !== undefined && !(Number.isInteger(undo_s) && undo_s >= 0 && undo_s <= 60))
    throw usageError('--undo-for must be a number of seconds, 0 to 60.');
  return { ...(reason === undefined ? {} : { reason }), ...(undo_s === undefined ? {} : { undo_s }) };
}

/** `Which?=Two`: the question is what stands before the first equals sign. */
function answersOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw usageError(`--answer must be QUESTION=ANSWER, not ${JSON.stringify(pair)}.`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** What waits, the most urgent first; or what the options say. */
async function read(cli: Cli, { status, all, agent }: ListOptions) {
  const client = await cli.client();
  const list = (wanted: ApprovalStatus | undefined) =>
    allPages(async (page) => {
      const agent_id = agent === undefined ? {} : { agent_id: agent };
      const query = { ...page, ...agent_id, ...(wanted === undefined ? {} : { status: wanted }) };
      const reply = await client.call('approvals_list', { query });
      return { items: reply.approvals, pagination: reply.pagination };
    });
  return list(all === true ? undefined : (status ?? 'pending'));
}

async function decide(
  cli: Cli,
  decision: 'approve' | 'deny',
  shorts: readonly string[],
  given: Omit<ApproveRequest, 'channel'>,
  alike = false,
): Promise<void> {
  const client = await cli.client();
  // All ids first: a wrong one must not leave the decision half done.
  const ids: string[] = [];
  for (const short of shorts) ids.push(await fullId(cli, short));
  for (const id of ids) {
    const body = { ...given, channel: 'cli' as const };
    if (alike) {
      const { group_key } = await client.call('approvals_get', { params: { id } });
      if (group_key === undefined) throw usageError(`${id} was asked before Nox knew which requests are alike.`);
      const route = decision === 'approve' ? 'approvals_group_approve' : 'approvals_group_deny';
      const reply = await client.call(route, { params: { key: group_key }, body });
      cli.answer(reply, ({ decided, failed }) => {
        for (const one of decided) say(cli, one);
        for (const one of failed) cli.say(`${one.id} of ${one.agent_id} was not decided: ${one.message}`);
      });
      continue;
    }
    const route = decision === 'approve' ? 'approvals_approve' : 'approvals_deny';
    const decided = await client.call(route, { params: { id }, body });
    cli.answer(decided, () => say(cli, decided));
  }
}

function say(cli: Cli, decided: Approval): void {
  const { id, held, votes = [], approvals_needed = 1, status } = decided;
  const news =
    held !== undefined
      ? `, ${held.status} as of ${held.until}; "nox approval undo ${id}" takes it back until then`
      : status === 'pending' || status === 'parked'
        ? `, ${votes.length} of ${approvals_needed} have approved it: another person must, too`
        : '';
  cli.say(`${id} ${painted(stateCell(status, cli.words))}: ${describe(decided)}${news}`);
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
