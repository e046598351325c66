import { fileURLToPath } from 'node:url';

/** The real Claude CLI of the project's own dependencies. */
export const CLAUDE_PATH = fileURLToPath(
  new URL('../../node_modules/@anthropic-ai/claude-code-linux-x64/claude', import.meta.url),
);

/** Keeps the CLI on loopback: no updates, no telemetry, no other hosts. */
export const NO_TRAFFIC = {
  DISABLE_AUTOUPDATER: '1',
  DISABLE_TELEMETRY: '1',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
} as const;

export interface ClaudeEnvOptions {
  /** A folder of the test's own: never a person's settings and login. */
  readonly config_dir: string;
  /** Where the scripted model listens. */
  readonly base_url: string;
  /** The key that the scripted model was made with. */
  readonly api_key: string;
}

/** The whole environment for a real CLI that talks to a scripted model. */
export function claudeEnv({ config_dir, base_url, api_key }: ClaudeEnvOptions): Record<string, string> {
  return {
    ...NO_TRAFFIC,
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: config_dir,
    LANG: 'C.UTF-8',
    CLAUDE_CONFIG_DIR: config_dir,
    ANTHROPIC_API_KEY: api_key,
    ANTHROPIC_BASE_URL: base_url,
    // Else a model error costs three minutes of retries.
    CLAUDE_CODE_MAX_RETRIES: '2',
  };
}
