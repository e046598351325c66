/** The process trees of test/fixtures/trees that are hard to end. */
export const TREES: readonly string[] = [
  'ignores-term.sh',
  'double-fork-setsid.sh',
  'cleared-environment.sh',
  'cleared-and-reparented.sh',
  'fifty-children.sh',
  'own-group-writer.sh',
  'respawns-on-exit.sh',
  'stops-itself.sh',
  'zombie-maker.sh',
  'exec-chain.sh',
  'renames-argv.mjs',
  'pty-child.sh',
  'wanders.sh',
  'wrapped-server.sh',
];

/** What the rung `process-group` cannot promise, and says so in `describe()`: one process may survive. */
export const ESCAPES_GROUP: ReadonlySet<string> = new Set(['cleared-and-reparented.sh']);
