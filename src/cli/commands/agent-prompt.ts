import type { Command } from 'commander';
import type { Cli, CliOf } from '../cli.js';
import { Exit, usageError } from '../cli-error.js';
import { examples } from '../help.js';
import { readAll } from '../io.js';
import { PromptPrinter } from '../output/prompt-printer.js';

/** `nox agent prompt`: the reply on stdout as it is written, everything else on stderr. */
export function agentPromptCommand(agent: Command, cliOf: CliOf): void {
  const prompt = agent
    .command('prompt')
    .alias('ask')
    .description('talk to an agent; its reply is streamed to stdout')
    .argument('<id>')
    .argument('[text...]', 'what to say; - or nothing reads stdin')
    .option('--no-wait', 'queue it and print the id of its turn')
    .action(async (id: string, words: string[], { wait }: { wait: boolean }, command: Command) => {
      const cli = cliOf(command);
      const content = await contentOf(cli, words);
      if (wait) await converse(cli, id, content);
      else await queue(cli, id, content);
    });
  prompt.addHelpText('after', '\nCtrl-C interrupts the turn; a second one leaves it alone and returns at once.');
  prompt.addHelpText('after', 'The exit status is 0 when the turn is complete and 1 when it ended otherwise.');
  examples(prompt, [
    ['nox agent prompt lead "What changed today?"', 'ask'],
    ['git diff | nox agent prompt reviewer -', 'give it a text'],
  ]);
}

async function contentOf(cli: Cli, words: readonly string[]): Promise<string> {
  const text = words.join(' ');
  if (text !== '' && text !== '-') return text;
  if (text === '' && cli.io.stdin.isTTY === true) throw usageError('Say something: nox agent prompt ID TEXT');
  const content = await readAll(cli.io.stdin);
  if (content === '') throw usageError('Standard input was empty.');
  return content;
}

async function queue(cli: Cli, id: string, content: string): Promise<void> {
  const reply = await (await cli.client()).call('agents_prompt', { params: { id }, body: { content, wait: false } });
  cli.answer(reply, () => {
    cli.print(`${reply.turn_id}\n`);
    cli.say(`${reply.status}; read it with: nox turn show ${reply.turn_id}`);
  });
}

async function converse(cli: Cli, id: string, content: string): Promise<void> {
  const client = await cli.client();
  const printer = new PromptPrinter(cli);
  const gone = new AbortController();
  const release = cli.io.onInterrupt(() => {
    const { turn_id } = printer;
    if (turn_id === undefined || printer.interrupted) {
      gone.abort(new Exit(130));
      return;
    }
    printer.interrupt();
    // What became of it is told by the stream; if it cannot be told to stop, we leave.
    client.call('turns_cancel', { params: { id: turn_id } }).catch((error: unknown) => gone.abort(error));
  });
  try {
    for await (const frame of client.prompt(id, content, { signal: gone.signal })) {
      if (cli.json) cli.printJson(frame);
      printer.frame(frame);
    }
  } catch (error) {
    printer.broken();
    throw error;
  } finally {
    release();
  }
  if (printer.status !== 'complete') throw new Exit(1);
}
