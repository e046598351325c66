import { Argument, type Command } from 'commander';
import type { CliOf } from '../cli.js';
import { completionScript, type CommandWords } from '../completion.js';
import { examples } from '../help.js';

/** `nox completion`: the words of the command line, for the shell. */
export function completionCommand(program: Command, cliOf: CliOf): void {
  const completion = program
    .command('completion')
    .description('print a completion script for your shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action((shell: 'bash' | 'zsh' | 'fish', _: unknown, command: Command) => {
      const script = completionScript(shell, wordsOf(program, ''));
      cliOf(command).print(script);
    });
  examples(completion, [
    ['source <(nox completion bash)', 'in ~/.bashrc'],
    ['nox completion fish > ~/.config/fish/completions/nox.fish', 'for fish'],
  ]);
}

/** The words that may follow each command: its own commands and its options. */
function wordsOf(command: Command, path: string): CommandWords[] {
  const words = [
    ...command.commands.map((c) => c.name()),
    ...command.options.flatMap((o) => (o.long === undefined || o.long === null ? [] : [o.long])),
  ];
  const below = command.commands.flatMap((c) => wordsOf(c, `${path} ${c.name()}`.trim()));
  return [{ path, words }, ...below];
}
