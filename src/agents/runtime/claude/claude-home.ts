import { join } from 'node:path';

/** Where the CLI keeps its login, its transcripts and its plans. */
export const claudeHome = (env: Readonly<Record<string, string | undefined>>): string =>
  env['CLAUDE_CONFIG_DIR'] ?? join(env['HOME'] ?? '/', '.claude');
