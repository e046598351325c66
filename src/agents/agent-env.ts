import type { SystemConfig } from '../contracts/config.js';

type Env = Readonly<Record<string, string | undefined>>;

/** What every program needs to find its home, its tools and its way out; everything else of Nox's environment stays out. */
const ALWAYS = ['HOME', 'PATH', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_*', 'TERM', 'TZ', 'TMPDIR', 'XDG_*'];
const NETWORK = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
];
/** Set by a Claude session for its children: an agent is not a child of whoever started Nox. */
const NEVER: ReadonlySet<string> = new Set([
  'CLAUDECODE',
  'CLAUDE_CODE_ENTRYPOINT',
  'CLAUDE_CODE_SSE_PORT',
  'CLAUDE_CODE_SESSION_ID',
]);

const matches = (name: string, patterns: readonly string[]): boolean =>
  patterns.some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern));

export interface EnvParts {
  readonly nox_env: Env;
  readonly config: SystemConfig['claude_cli'];
  /** The agent's own variables, references resolved. */
  readonly agent_env: Readonly<Record<string, string>>;
  /** Where the model is; empty for the person's own Claude. */
  readonly model_env: Readonly<Record<string, string>>;
  readonly agent_id: string;
}

/** The whole environment of an agent: an allow-list of Nox's own, the agent's, the model's. Pure. */
export function buildAgentEnv(parts: EnvParts): Record<string, string> {
  const allowed = [...ALWAYS, ...NETWORK, ...NETWORK.map((n) => n.toLowerCase()), ...parts.config.pass_env];
  const env: Record<string, string> = { CLAUDE_CODE_MAX_RETRIES: String(parts.config.max_api_retries) };
  for (const [name, value] of Object.entries(parts.nox_env)) {
    if (value !== undefined && matches(name, allowed) && !NEVER.has(name)) env[name] = value;
  }
  return { ...env, ...parts.agent_env, ...parts.model_env, NOX_AGENT_ID: parts.agent_id };
}
