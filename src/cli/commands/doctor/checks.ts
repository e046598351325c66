import type { Agent } from '../../../contracts/agent.js';
import type { GateView } from '../../../contracts/system.js';

/** One line of `nox doctor`. */
export interface Check {
  readonly name: string;
  readonly result: 'ok' | 'warn' | 'fail';
  /** What is the case. */
  readonly detail: string;
  /** What to do about it; there whenever the result is not ok. */
  readonly remedy?: string;
}

const ok = (name: string, detail: string): Check => ({ name, result: 'ok', detail });
const warn = (name: string, detail: string, remedy: string): Check => ({ name, result: 'warn', detail, remedy });
const fail = (name: string, detail: string, remedy: string): Check => ({ name, result: 'fail', detail, remedy });

const MIN_NODE = [22, 22] as const;

/** `version` as `v24.1.0`. */
export function nodeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const is_new = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1]);
  if (is_new) return ok('node', version);
  return fail('node', `${version} is too old`, `Install Node ${MIN_NODE.join('.')} or newer, best 24.`);
}

/** `output` of `git --version`; undefined when there is no git. */
export function gitCheck(output: string | undefined): Check {
  const remedy = 'Install git 2.34 or newer, as with: apt-get install git';
  if (output === undefined) return fail('git', 'not found', remedy);
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(output) ?? [];
  const is_new = Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 34);
  return is_new ? ok('git', output.trim()) : warn('git', `${output.trim()} is old`, remedy);
}

export interface ClaudeFacts {
  readonly path: string;
  readonly version: string | null;
  readonly warning: string | null;
}

/** A string says why it was not found, and the remedy. */
export function claudeCheck(found: ClaudeFacts | string): Check {
  if (typeof found === 'string') {
    return fail('claude', found, 'npm install -g @anthropic-ai/claude-code, or set NOX_CLAUDE_PATH to it');
  }
  const detail = `${found.version ?? 'unknown version'} at ${found.path}`;
  if (found.warning === null) return ok('claude', detail);
  return warn('claude', found.warning, 'npm install -g @anthropic-ai/claude-code@latest');
}

export interface IsolationFacts {
  readonly rung: 'pid-namespace' | 'cgroup' | 'process-group';
  readonly promise: string;
}

/** How completely agents can be ended on this machine. */
export function isolationCheck({ rung, promise }: IsolationFacts): Check {
  const detail = `${rung}: ${promise}`;
  if (rung === 'pid-namespace') return ok('isolation', detail);
  return warn(
    'isolation',
    detail,
    'Allow user namespaces (sysctl user.max_user_namespaces), or run Nox in a container that allows them.',
  );
}

export interface FolderFacts {
  readonly path: string;
  /** Undefined while it does not exist. */
  readonly mode: number | undefined;
  /** Whether it, or where it will be made, can be written to. */
  readonly writable: boolean;
}

/** A folder of Nox. `private_only`: nobody else may look into it. */
export function folderCheck(name: string, facts: FolderFacts, private_only: boolean): Check {
  const { path, mode, writable } = facts;
  if (!writable)
    return fail(name, `${path} cannot be written to`, `Give it to the user who runs Nox: chown -R $USER ${path}`);
  if (mode === undefined) return ok(name, `${path} will be made at the first start`);
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  if (private_only && (mode & 0o077) !== 0) {
    return fail(name, `${path} (mode ${octal}) is open to others, and there are secrets in it`, `chmod 700 ${path}`);
  }
  if ((mode & 0o002) !== 0) {
    return fail(name, `${path} (mode ${octal}) can be changed by anyone, and it says what is run`, `chmod o-w ${path}`);
  }
  return ok(name, `${path} (mode ${octal})`);
}

/** The file that holds logins; `mode` undefined when there is none. */
export function credentialsCheck(path: string, mode: number | undefined): Check {
  if (mode === undefined) return ok('credentials', 'no login is stored');
  const octal = (mode & 0o777).toString(8).padStart(4, '0');
  if ((mode & 0o077) === 0) return ok('credentials', `${path} (mode ${octal})`);
  return fail('credentials', `${path} (mode ${octal}) can be read by others`, `chmod 600 ${path}, and log in again`);
}

export interface ServerFacts {
  readonly url: string;
  readonly answer:
    | {
        readonly status: 'ok' | 'degraded' | 'failed';
        readonly version: string;
        readonly gate: GateView['state'];
        readonly queue?: { readonly adapter: 'sqlite' | 'redis'; readonly available: boolean } | undefined;
      }
    | { readonly error: string };
}

/** A server that does not run is no fault: doctor is for the time before the first start too. */
export function serverCheck({ url, answer }: ServerFacts): Check {
  if ('error' in answer)
    return warn('server', answer.error, `Start it with: nox serve, or give its address with --url`);
  const detail = `${url}, version ${answer.version}`;
  if (answer.status === 'ok') return ok('server', detail);
  return (answer.status === 'failed' ? fail : warn)('server', `${detail}: ${answer.status}`, 'See: nox status');
}

/** Whether the Claude CLI was seen to hold tool calls back when Nox's gate breaks; the running server knows. */
export function gateCheck({ answer }: ServerFacts): Check {
  if ('error' in answer) return ok('gate', 'tried by the server when the first agent starts');
  switch (answer.gate) {
    case 'proven':
      return ok('gate', 'the Claude CLI holds tool calls back, however the gate breaks');
    case 'proving':
      return ok('gate', 'the Claude CLI is being tried; agents start afterwards');
    case 'unproven':
      return warn(
        'gate',
        'not proven yet: agents wait for it',
        'It is tried at the first start, or by: nox gate prove',
      );
    case 'refused':
      return fail(
        'gate',
        'this Claude CLI lets calls run when the gate breaks: no agent starts',
        'See: nox gate show; then npm install -g @anthropic-ai/claude-code, and nox gate prove',
      );
  }
}

/** What the server says of its queue; without one, what a start from here would choose. */
export function queueCheck({ answer }: ServerFacts, redis_url: string | undefined): Check {
  const queue = 'error' in answer ? undefined : answer.queue;
  const redis = queue === undefined ? (redis_url ?? '') !== '' : queue.adapter === 'redis';
  const detail = redis ? 'messages wait on Redis (NOX_REDIS_URL)' : 'messages wait in the journal (SQLite)';
  if (queue?.available !== false)
    return ok('queue', queue === undefined ? `${detail}, when started from here` : detail);
  return fail('queue', `${detail}, which cannot be used`, 'Start Redis again; nothing is lost. See: nox broker stats');
}

export type LoginFacts =
  | { readonly kind: 'valid'; readonly user: string; readonly role: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Whether commands may do anything at that server. */
export function loginCheck(facts: LoginFacts): Check {
  if (facts.kind === 'valid') return ok('login', `${facts.user} (${facts.role})`);
  if (facts.kind === 'none') return warn('login', 'you are not logged in', 'nox login');
  if (facts.kind === 'refused') return fail('login', 'your login is no longer valid', 'nox login');
  return warn('login', `not tried: ${facts.reason}`, 'Start the server, then run doctor again.');
}

/** What is known of an agent's profile. A string says why that of no agent is known. */
export type ProfileFacts = readonly Pick<Agent, 'id' | 'permissions' | 'permissions_kept_by'>[] | string;

/** Which profiles there are, of which agents, and what of each the operating system keeps and what only Nox's gate does. */
export function profilesCheck(agents: ProfileFacts): Check {
  if (typeof agents === 'string') return ok('profiles', `not looked at: ${agents}`);
  const profiles = new Map<string, string[]>();
  for (const { id, permissions, permissions_kept_by: kept } of agents) {
    if (permissions === undefined || kept === undefined) continue;
    const words = profileWords(permissions, kept);
    profiles.set(words, [...(profiles.get(words) ?? []), id]);
  }
  const free = agents.filter(({ permissions }) => permissions === undefined).length;
  const detail = [
    ...[...profiles].map(([words, ids]) => `${ids.join(', ')}: ${words}`),
    `${free} of ${agents.length} agents without one`,
  ].join('; ');
  const weak = agents.filter(
    ({ permissions, permissions_kept_by: kept }) =>
      permissions !== undefined && permissions.filesystem !== 'rw' && kept?.filesystem === 'gate',
  );
  if (weak.length === 0) return ok('profiles', detail);
  return warn(
    'profiles',
    detail,
    'Allow user namespaces (sysctl user.max_user_namespaces): then the system, too, keeps those agents from writing.',
  );
}

function profileWords(
  { filesystem, network, hosts, tools }: NonNullable<Agent['permissions']>,
  kept: NonNullable<Agent['permissions_kept_by']>,
): string {
  const by = { os: 'system and gate', gate: 'gate only' } as const;
  const parts = [
    ...(filesystem === 'rw' ? [] : [`files ${filesystem} (${by[kept.filesystem]})`]),
    ...(network === 'full'
      ? []
      : [`network ${network}${hosts.length === 0 ? '' : ` to ${hosts.join(' ')}`} (${by[kept.network]})`]),
    ...(tools?.allow === undefined ? [] : [`tools ${tools.allow.join(' ') || 'none'} (gate only)`]),
    ...(tools?.deny === undefined ? [] : [`never ${tools.deny.join(' ')} (gate only)`]),
  ];
  return parts.length === 0 ? 'nothing taken away' : parts.join(', ');
}

/** Whether Nox can work as things are. */
export const isWell = (checks: readonly Check[]): boolean => checks.every(({ result }) => result !== 'fail');
