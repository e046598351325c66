import { type Command, Option } from 'commander';
import type { BrokerStats, Message, MessageDetail, MessagePriority, MessageStatus } from '../../contracts/message.js';
import type { Cli, CliOf } from '../cli.js';
import { CliError, usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { painted, stateCell } from '../output/style.js';
import { type Column, pairs } from '../output/table.js';
import { oneLine, plain } from '../output/text.js';
import { relative } from '../output/time.js';
import { pickShort } from '../short-id.js';

const GIVEN = ['critical', 'high', 'medium', 'low', 'urgent', 'normal'] as const;
const STATUSES = ['queued', 'delivered', 'acked', 'cancelled', 'expired', 'dead'] as const;
const FULL_ID = /^msg_[0-9A-HJKMNP-TV-Z]{26}$/;
const COLUMNS: readonly Column[] = [
  { head: 'ID' },
  { head: 'FROM' },
  { head: 'TO' },
  { head: 'PRIORITY' },
  { head: 'STATUS' },
  { head: 'SENT' },
  { head: 'CONTENT', shrinks: true },
];

interface SendOptions {
  readonly from?: string;
  readonly priority?: (typeof GIVEN)[number];
  readonly topic?: string;
  readonly replyTo?: string;
  readonly ttl?: string;
  readonly key?: string;
}

interface ListOptions {
  readonly status?: MessageStatus;
  readonly priority?: MessagePriority;
  readonly agent?: string;
  readonly from?: string;
  readonly to?: string;
  readonly topic?: string;
  readonly thread?: string;
  readonly dead?: boolean;
  readonly lines: string;
}

/** `nox message`: sending, and what became of it. `nox broker`: the queues. */
export function messageCommands(program: Command, cliOf: CliOf): void {
  const message = program
    .command('message')
    .alias('messages')
    .description('messages to agents, and what became of them');
  const send = sendOptions(
    message
      .command('send')
      .description('send a message; it is safe on the disk when this ends well')
      .argument('<to>', "an agent's id, capability:NAME, topic:NAME or '*'")
      .argument('<content...>', 'what it says'),
  ).action(async (to: string, words: string[], options: SendOptions, command: Command) => {
    const cli = cliOf(command);
    const client = await cli.client();
    const sent = await client.call('messages_send', { body: { to, ...bodyOf(words, options) } });
    cli.answer(sent, () => {
      for (const { agent_id, message_id } of sent.recipients) cli.say(`${message_id} waits for ${agent_id}`);
      sayRefused(cli, sent.refused);
    });
  });
  examples(send, [
    ['nox message send worker "look at the build"', 'to one agent'],
    ['nox message send capability:review "read my change" --priority high', 'to the one that can and has least to do'],
  ]);
  sendOptions(
    message
      .command('broadcast')
      .description('send to all active agents, or with --topic to its subscribers')
      .argument('<content...>', 'what it says'),
  ).action(async (words: string[], options: SendOptions, command: Command) => {
    const cli = cliOf(command);
    const sent = await (await cli.client()).call('messages_broadcast', { body: bodyOf(words, options) });
    cli.answer(sent, () => {
      if (sent.messages.length === 0) cli.say('Nobody is there to hear it.');
      for (const { id, to } of sent.messages) cli.say(`${id} waits for ${to}`);
      sayRefused(cli, sent.refused);
    });
  });
  listCommand(message, cliOf);
  message
    .command('show')
    .alias('get')
    .description('a message, and each try to hand it over')
    .argument('<id>', 'its id, or its first or last characters')
    .action(async (short: string, _: unknown, command: Command) => {
      const cli = cliOf(command);
      const id = await fullId(cli, short);
      const found = await (await cli.client()).call('messages_get', { params: { id } });
      cli.answer(found, () => cli.print(messageView(cli, found)));
    });
  for (const [name, text, route] of [
    ['retry', 'send a dead message again', 'messages_retry'],
    ['cancel', 'take back a message that still waits', 'messages_cancel'],
  ] as const) {
    message
      .command(name)
      .description(text)
      .argument('<id>', 'its id, or its first or last characters')
      .action(async (short: string, _: unknown, command: Command) => {
        const cli = cliOf(command);
        const id = await fullId(cli, short);
        const done = await (await cli.client()).call(route, { params: { id } });
        cli.answer(done, () => cli.say(`${id} ${painted(stateCell(done.status, cli.words))}`));
      });
  }
  program
    .command('broker')
    .description('the queues of messages')
    .command('stats')
    .description('how full they are, by agent and priority')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      const stats = await (await cli.client()).call('messages_stats');
      cli.answer(stats, () => statsView(cli, stats));
    });
}

function sendOptions(command: Command): Command {
  return command
    .option('--from <agent>', 'on behalf of an agent')
    .addOption(new Option('-p, --priority <priority>', 'how urgent (default medium)').choices(GIVEN))
    .option('--topic <name>', 'what it is about')
    .option('--reply-to <id>', 'the message that it answers')
    .option('--ttl <seconds>', 'useless afterwards')
    .option('--key <text>', 'idempotency key: the same key never sends twice');
}

function bodyOf(words: readonly string[], { from, priority, topic, replyTo, ttl, key }: SendOptions) {
  const seconds = ttl === undefined ? undefined : Number(ttl);
  if (seconds !== undefined && !(seconds > 0)) throw usageError('--ttl takes seconds, more than 0.');
  return {
    content: words.join(' '),
    ...(from === undefined ? {} : { from }),
    ...(priority === undefined ? {} : { priority }),
    ...(topic === undefined ? {} : { topic }),
    ...(replyTo === undefined ? {} : { reply_to: replyTo }),
    ...(seconds === undefined ? {} : { ttl_ms: Math.round(seconds * 1000) }),
    ...(key === undefined ? {} : { idempotency_key: key }),
  };
}

function listCommand(message: Command, cliOf: CliOf): void {
  message
    .command('ls')
    .alias('list')
    .description('list messages, newest first')
    .addOption(new Option('--status <status>', 'those that are so').choices(STATUSES))
    .addOption(new Option('--priority <priority>', 'of this priority').choices(GIVEN.slice(0, 4)))
    .option('--dead', 'those that were given up')
    .option('--agent <id>', 'sent or received by it')
    .option('--from <sender>', 'an agent, user:NAME or system')
    .option('--to <agent>', 'for this agent')
    .option('--topic <name>', 'about this')
    .option('--thread <id>', 'one conversation, oldest first')
    .option('-n, --lines <number>', 'so many at most', '50')
    .action(async ({ dead, agent, thread, lines, ...same }: ListOptions, command: Command) => {
      const cli = cliOf(command);
      const limit = Number(lines);
      if (!Number.isInteger(limit) || limit < 1 || limit > 500) throw usageError('-n takes 1 to 500.');
      const query = {
        limit,
        ...same,
        ...(dead === true ? { status: 'dead' as const } : {}),
        ...(agent === undefined ? {} : { agent_id: agent }),
        ...(thread === undefined ? {} : { thread_id: await fullId(cli, thread) }),
      };
      const page = await (await cli.client()).call('messages_list', { query });
      cli.answer(page, () => {
        if (page.messages.length === 0) cli.say('No messages.');
        else
          cli.printTable(
            COLUMNS,
            page.messages.map((each) => rowOf(cli, each)),
          );
      });
    });
}

const rowOf = (cli: Cli, m: Message) => [
  m.id,
  m.from,
  m.to,
  m.priority,
  stateCell(m.status, cli.style),
  relative(m.created_at, cli.now_ms),
  oneLine(m.content),
];

function messageView(cli: Cli, m: MessageDetail): string {
  const { style, now_ms } = cli;
  const facts = pairs(
    [
      ['message', m.id],
      ['from', m.sent_by.endsWith(`:${m.from}`) || m.sent_by === m.from ? m.from : `${m.from}, sent by ${m.sent_by}`],
      ['to', m.address === m.to ? m.to : `${m.to} (${m.address})`],
      ['type', m.message_type],
      ['topic', m.topic],
      ['priority', m.priority],
      ['status', stateCell(m.status, style)],
      ['why', m.reason],
      ['thread', m.thread_id === m.id ? null : m.thread_id],
      ['sent', relative(m.created_at, now_ms)],
      ['expires', m.ended_at === null ? relative(m.expires_at, now_ms) : null],
      ['turn', m.turn_id],
    ],
    style.dim,
  );
  const tries = m.deliveries.map(
    (each) =>
      `try ${each.attempt}: ${each.outcome}${each.turn_id === null ? '' : ` in ${each.turn_id}`}, ${relative(each.started_at, now_ms)}${each.reason === null ? '' : `: ${plain(each.reason)}`}\n`,
  );
  return `${facts}${tries.join('')}\n${plain(m.content)}\n`;
}

function statsView(cli: Cli, stats: BrokerStats): void {
  cli.say(`${stats.available ? '' : 'AWAY: '}${stats.detail}`);
  cli.say(
    `${stats.waiting} wait, ${stats.active} handed over, ${stats.acked} read, ${stats.dead} dead, ${stats.dropped} cancelled or expired, ${stats.messages_per_minute} in the last minute`,
  );
  if (stats.agents.length === 0) return;
  cli.printTable(
    [
      { head: 'AGENT' },
      ...(['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'HANDED OVER'] as const).map((head): Column => ({
        head,
        align: 'right',
      })),
    ],
    stats.agents.map(({ agent_id, active, per_priority: { critical, high, medium, low } }) => [
      agent_id,
      critical,
      high,
      medium,
      low,
      active,
    ]),
  );
}

function sayRefused(cli: Cli, refused: readonly { agent_id: string; reason: string }[]): void {
  for (const { agent_id, reason } of refused) cli.say(`not to ${agent_id}: ${reason}`);
}

/** The one message that a shortened id means, among the newest 500. */
async function fullId(cli: Cli, short: string): Promise<string> {
  if (FULL_ID.test(short)) return short;
  const { messages } = await (await cli.client()).call('messages_list', { query: { limit: 500 } });
  const found = pickShort(
    short,
    messages.map(({ id }) => id),
    'msg_',
  );
  if (found === undefined) throw new CliError('MESSAGE_NOT_FOUND', `No recent message has an id like ${short}.`);
  return found;
}
