import type { Command } from 'commander';

/** Examples under a command's help: what to type, and what it does. */
export function examples(command: Command, rows: readonly (readonly [line: string, what: string])[]): Command {
  const width = Math.max(...rows.map(([line]) => line.length));
  const lines = rows.map(([line, what]) => `  $ ${line.padEnd(width)}  ${what}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}
