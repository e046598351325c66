import { readShell } from './read-shell.js';

const MAX_NESTING = 4;
const MAX_FOUND = 400;

/**
 * Every command that a text may run, by the lenient reader: also those behind wrappers (`sudo`, `env`, `xargs`), inside
 * quotes and substitutions. It finds too much rather than too little, so it can forbid, and never allow.
 */
export function everyCommand(text: string, nesting = 0, found: string[][] = []): string[][] {
  for (const { words } of readShell(text).commands) {
    words.forEach((word, at) => {
      if (found.length >= MAX_FOUND) return;
      found.push(words.slice(at));
      if (nesting < MAX_NESTING && /[\s;|&`$(]/.test(word)) everyCommand(word, nesting + 1, found);
    });
  }
  return found;
}
