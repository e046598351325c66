import type { Command } from 'commander';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DryRun, PolicyProposal, PolicyVerdict } from '../../contracts/policy.js';
import type { Cli, CliOf } from '../cli.js';
import { usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { readAll } from '../io.js';

/** `nox policy`: the rules that decide tool calls, tried before they are trusted. */
export function policyCommands(program: Command, cliOf: CliOf): void {
  const policy = program.command('policy').description('the rules that decide tool calls');
  policy
    .command('show')
    .description('the rules in force')
    .action(async (_: unknown, command: Command) => {
      const cli = cliOf(command);
      cli.answer(await (await cli.client()).call('policy_get'), ({ text }) => cli.print(text));
    });
  editCommand(policy, cliOf);
  testCommand(policy, cliOf);
  policy
    .command('propose')
    .description('rules that follow from equal answers, each tried on past requests')
    .option('--accept <id>', 'take this proposal into the policy')
    .option('--dismiss <id>', 'do not propose this rule again')
    .option('--yes', 'do not ask')
    .action(async ({ accept, dismiss, yes }: ProposeOptions, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      if (dismiss !== undefined) {
        if (accept !== undefined) throw usageError('Either --accept or --dismiss.');
        const left = await client.call('policy_dismiss', { params: { id: dismiss } });
        cli.answer(left, () => cli.say(`The rule ${dismiss} will not be proposed again.`));
        return;
      }
      const { proposals } = await client.call('policy_proposals');
      if (accept === undefined) {
        cli.answer({ proposals }, () => {
          if (proposals.length === 0) cli.say('Nothing to propose: a rule takes three equal answers.');
          for (const proposal of proposals) printProposal(cli, proposal);
        });
        return;
      }
      const chosen = proposals.find(({ id }) => id === accept);
      if (chosen === undefined) throw usageError(`No proposal is called ${accept}: see "nox policy propose".`);
      if (!cli.json) printProposal(cli, chosen);
      await cli.confirm('Take this rule into the policy?', yes);
      const view = await client.call('policy_add_rule', { body: { rule: chosen.rule } });
      cli.answer(view, ({ version }) => cli.say(`The rule is in force (version ${version}).`));
    });
  policy
    .command('remove')
    .description('take a rule out')
    .argument('<id>', 'the id of the rule')
    .option('--yes', 'do not ask')
    .action(async (id: string, { yes }: { yes?: boolean }, command: Command) => {
      const cli = cliOf(command);
      await cli.confirm(`Take the rule ${id} out of the policy?`, yes);
      const view = await (await cli.client()).call('policy_remove_rule', { params: { id } });
      cli.answer(view, ({ version }) => cli.say(`The rule is gone (version ${version}).`));
    });
}

interface ProposeOptions {
  readonly accept?: string;
  readonly dismiss?: string;
  readonly yes?: boolean;
}

function editCommand(policy: Command, cliOf: CliOf): void {
  const edit = policy
    .command('edit')
    .description('edit the rules in $VISUAL or $EDITOR, or take them from a file; what waits is judged anew')
    .option('--file <path>', 'take the text from this file; - is standard input')
    .option('--dry-run', 'only show what the rules would have done')
    .option('--yes', 'do not ask')
    .action(async ({ file, dryRun, yes }: { file?: string; dryRun?: boolean; yes?: boolean }, command: Command) => {
      const cli = cliOf(command);
      const client = await cli.client();
      const before = await client.call('policy_get');
      const text = file === undefined ? await inEditor(cli, before.text) : await fromFile(cli, file);
      if (text === before.text) {
        cli.answer(before, () => cli.say('Nothing was changed.'));
        return;
      }
      const { dry_run } = await client.call('policy_test', { body: { text } });
      if (dryRun === true) {
        cli.answer(dry_run, (run) => printRun(cli, run));
        return;
      }
      if (!cli.json) printRun(cli, dry_run);
      await cli.confirm('Put these rules in force?', yes);
      const after = await client.call('policy_write', { body: { text, base_version: before.version } });
      cli.answer(after, ({ version }) => cli.say(`In force: version ${version}.`));
    });
  examples(edit, [['nox policy edit --file rules.toml --dry-run', 'try a file without changing anything']]);
}

function testCommand(policy: Command, cliOf: CliOf): void {
  const test = policy
    .command('test')
    .description('judge a call, and run the rules over past requests; changes nothing')
    .argument('[command...]', 'a shell command, as an agent would run it')
    .option('--tool <name>', 'another tool than Bash; give its --input')
    .option('--input <json>', 'the input of that tool')
    .option('--agent <id>', 'as this agent')
    .option('--cwd <folder>', 'in this folder')
    .option('--file <path>', 'by the rules in this file instead of those in force')
    .option('--last <n>', 'over this many past requests', '60')
    .action(async (words: string[], options: TestOptions, command: Command) => {
      const cli = cliOf(command);
      const tool_name = options.tool ?? 'Bash';
      const input = options.input === undefined ? { command: words.join(' ') } : inputOf(options.input);
      const call =
        words.length === 0 && options.input === undefined
          ? {}
          : {
              call: {
                tool_name,
                input,
                ...(options.agent === undefined ? {} : { agent_id: options.agent }),
                ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
              },
            };
      const text = options.file === undefined ? {} : { text: await fromFile(cli, options.file) };
      const body = { ...call, ...text, last: Number(options.last) };
      const reply = await (await cli.client()).call('policy_test', { body });
      cli.answer(reply, ({ verdict, dry_run }) => {
        if (verdict !== null) printVerdict(cli, verdict);
        printRun(cli, dry_run);
      });
    });
  examples(test, [["nox policy test 'npm test && git push'", 'what would happen to this command']]);
}

interface TestOptions {
  readonly tool?: string;
  readonly input?: string;
  readonly agent?: string;
  readonly cwd?: string;
  readonly file?: string;
  readonly last: string;
}

function inputOf(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below, for every kind of wrong input.
  }
  throw usageError('--input must be a JSON object.');
}

const fromFile = (cli: Cli, path: string): Promise<string> =>
  path === '-' ? readAll(cli.io.stdin).then((text) => `${text}\n`) : readFile(path, 'utf8');

/** The person's own editor on a private copy. */
async function inEditor(cli: Cli, text: string): Promise<string> {
  if (!cli.interactive) throw usageError('There is no terminal to edit on: use --file.');
  const editor = cli.io.env['VISUAL'] || cli.io.env['EDITOR'] || 'vi';
  const folder = await mkdtemp(join(tmpdir(), 'nox-policy-'));
  try {
    const path = join(folder, 'approval-policy.toml');
    await writeFile(path, text, { mode: 0o600 });
    // An editor may come with options of its own, as "code --wait".
    const [program = 'vi', ...args] = editor.split(' ').filter(Boolean);
    const child = spawn(program, [...args, path], { stdio: 'inherit' });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw usageError(`${editor} ended with ${code ?? 'a signal'}; nothing was changed.`);
    return await readFile(path, 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function printVerdict(cli: Cli, { effect, rule_id, reason, risk_level, reasons, commands }: PolicyVerdict): void {
  const word = { allow: cli.style.green, ask: cli.style.yellow, deny: cli.style.red }[effect](effect);
  cli.print(`${word}  ${rule_id === null ? '' : `rule ${rule_id}: `}${reason}\n`);
  cli.print(`risk ${risk_level}: ${reasons.join('; ')}\n`);
  if (commands !== null) cli.print(`commands: ${commands.map((words) => words.join(' ')).join('  |  ')}\n`);
}

function printRun(cli: Cli, { looked_at, same, different, asked, cases }: DryRun): void {
  if (looked_at === 0) {
    cli.say('No past request to try the rules on.');
    return;
  }
  cli.print(
    `would have decided ${same} of the last ${looked_at} as you did, ${different} differently; ${asked} would still ask\n`,
  );
  for (const one of cases.filter(({ decided, would }) => (decided === 'approved') !== (would === 'allow')))
    cli.print(
      `  ${cli.style.red('differs')}  you ${one.decided}, rule ${one.rule_id ?? '-'} ${one.would}s: ${one.summary}\n`,
    );
}

function printProposal(cli: Cli, { id, rule, answers, dry_run }: PolicyProposal): void {
  cli.print(`${cli.style.bold(id)}  ${rule.then} when ${JSON.stringify(rule.when)}  (${answers} equal answers)\n  `);
  printRun(cli, dry_run);
}
