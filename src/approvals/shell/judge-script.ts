import { type Finding, low } from '../finding.js';
import { absolute, judgePath, type Place } from '../paths.js';
import { readOnlyPaths } from './read-only.js';
import type { Simple } from './script.js';

/** A command of a script, where it may run, and what it does if that is known in whole. */
export interface JudgedCommand extends Simple {
  /** Null: Nox does not know this command. */
  readonly findings: readonly Finding[] | null;
  /** Where relative paths may start: a `cd` before it may have failed. */
  readonly cwds: readonly string[];
}

const HARMLESS_TARGETS = new Set(['/dev/null', '/dev/stdout', '/dev/stderr']);

export const isHarmlessTarget = (target: string): boolean => HARMLESS_TARGETS.has(target);

/** What each command of a script does. Pure, like `classify`. */
export function judgeCommands(commands: readonly Simple[], place: Place): JudgedCommand[] {
  const cwds = [place.cwd];
  return commands.map((command) => {
    const here = [...cwds];
    const findings = judge(command, here, place);
    if (command.words[0] === 'cd') {
      for (const cwd of here) {
        const next = absolute(command.words[1] ?? '~', cwd);
        if (!cwds.includes(next)) cwds.push(next);
      }
    }
    return { ...command, findings, cwds: here };
  });
}

function judge({ words, reads, writes }: Simple, cwds: readonly string[], place: Place): Finding[] | null {
  const paths = words[0] === 'cd' ? folderOf(words) : readOnlyPaths(words)?.paths;
  if (paths === undefined || cwds.length > 8) return null;
  if (!writes.every(isHarmlessTarget)) return null;
  const all = [...paths, ...reads.filter((path) => !isHarmlessTarget(path))];
  return [
    low('only looks'),
    ...cwds.flatMap((cwd) =>
      all.map((path) => judgePath(cwd === place.cwd ? path : absolute(path, cwd), 'read', place)),
    ),
  ];
}

/** `cd` to one named folder; `cd -` and `cd` alone lead elsewhere. */
const folderOf = (words: readonly string[]): string[] | undefined =>
  words.length === 2 && words[1] !== undefined && !/^[-~]/.test(words[1]) ? [words[1]] : undefined;
