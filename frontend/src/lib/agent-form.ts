import { type Agent, CreateAgent, type PermissionProfile, UpdateAgent } from '@contracts/agent.js';
import { schemaProblems } from './http.js';

/** The form of an agent as it is typed: text, empty for "not said". */
export interface AgentDraft {
  readonly id: string;
  readonly name: string;
  readonly system_prompt: string;
  readonly runtime: string;
  readonly model: string;
  readonly cwd: string;
  readonly command: string;
  readonly capabilities: string;
  readonly priority: string;
  readonly max_memory_mb: string;
  readonly max_cpu_percent: string;
  readonly restart_policy: string;
  readonly hibernate_after_s: string;
  readonly env: string;
  /** Its profile; everything allowed is no profile. */
  readonly files: string;
  readonly network: string;
  readonly hosts: string;
  readonly allow_tools: string;
  readonly deny_tools: string;
  readonly start: boolean;
}

export const EMPTY_DRAFT: AgentDraft = {
  id: '',
  name: '',
  system_prompt: '',
  runtime: 'claude',
  model: '',
  cwd: '',
  command: '',
  capabilities: '',
  priority: 'medium',
  max_memory_mb: '',
  max_cpu_percent: '',
  restart_policy: '',
  hibernate_after_s: '',
  env: '',
  files: 'rw',
  network: 'full',
  hosts: '',
  allow_tools: '',
  deny_tools: '',
  start: true,
};

const text = (n: number | undefined): string => (n === undefined ? '' : String(n));

export function draftOf(agent: Agent): AgentDraft {
  return {
    id: agent.id,
    name: agent.name,
    system_prompt: agent.system_prompt,
    runtime: agent.runtime,
    model: agent.model ?? '',
    cwd: agent.cwd ?? '',
    command: (agent.command ?? []).join('\n'),
    capabilities: agent.capabilities.join(', '),
    priority: agent.priority,
    max_memory_mb: text(agent.resource_limits?.max_memory_mb),
    max_cpu_percent: text(agent.resource_limits?.max_cpu_percent),
    restart_policy: agent.restart?.policy ?? '',
    hibernate_after_s: text(agent.idle?.hibernate_after_s),
    env: Object.entries(agent.env ?? {})
      .map(([name, reference]) => `${name}=${reference}`)
      .join('\n'),
    files: agent.permissions?.filesystem ?? EMPTY_DRAFT.files,
    network: agent.permissions?.network ?? EMPTY_DRAFT.network,
    hosts: agent.permissions?.hosts.join(', ') ?? '',
    allow_tools: agent.permissions?.tools?.allow?.join(', ') ?? '',
    deny_tools: agent.permissions?.tools?.deny?.join(', ') ?? '',
    start: false,
  };
}

export type FormResult<T> =
  | { readonly body: T; readonly problems?: undefined }
  | { readonly problems: Record<string, string>; readonly body?: undefined };

/** The request that makes this agent, or what is wrong by field. */
export function createRequest(draft: AgentDraft): FormResult<CreateAgent> {
  return check(
    CreateAgent.safeParse({
      ...fieldsOf(draft),
      ...(draft.id !== '' && { id: draft.id.trim() }),
      runtime: draft.runtime,
      start: draft.start,
    }),
  );
}

/** The request that changes only what differs; an empty one says that nothing does. */
export function updateRequest(draft: AgentDraft, agent: Agent): FormResult<UpdateAgent> {
  const before: Record<string, unknown> = fieldsOf(draftOf(agent), agent);
  const after = fieldsOf(draft, agent);
  const changed = Object.entries(after)
    .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key]))
    .map(([key, value]) => [key, WHOLE.has(key) ? value : withNulls(before[key], value)]);
  const gone = Object.keys(before).flatMap((key) => (key in after ? [] : [[key, null]]));
  return check(UpdateAgent.safeParse(Object.fromEntries([...changed, ...gone])));
}

/** Tables that are sent as a whole. */
const WHOLE = new Set(['env', 'permissions']);

/** A table with null for each key that was emptied: what is not named would stay. */
function withNulls(before: unknown, after: unknown): unknown {
  if (!isTable(before) || !isTable(after)) return after;
  return { ...Object.fromEntries(Object.keys(before).map((key) => [key, null])), ...after };
}

const isTable = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function check<T>(
  result: ReturnType<typeof CreateAgent.safeParse> | ReturnType<typeof UpdateAgent.safeParse>,
): FormResult<T> {
  return result.success ? { body: result.data as T } : { problems: schemaProblems(result.error) };
}

/** What is typed, in the shape of the contract; values that the form does not show are kept. */
function fieldsOf(draft: AgentDraft, agent?: Agent): Record<string, unknown> {
  const some = <T extends object>(value: T): T | undefined =>
    Object.values(value).every((each) => each === undefined) ? undefined : withoutUndefined(value);
  const env = lines(draft.env).map((line): [string, string] => {
    const at = line.indexOf('=');
    return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  });
  return withoutUndefined({
    name: draft.name,
    system_prompt: draft.system_prompt,
    model: draft.model.trim() || undefined,
    cwd: draft.cwd.trim() || undefined,
    command: draft.runtime === 'command' ? lines(draft.command) : undefined,
    capabilities: parts(draft.capabilities, ','),
    priority: draft.priority,
    resource_limits: some({
      ...agent?.resource_limits,
      max_memory_mb: numeric(draft.max_memory_mb),
      max_cpu_percent: numeric(draft.max_cpu_percent),
    }),
    restart: some({ ...agent?.restart, policy: draft.restart_policy || undefined }),
    idle: some({ hibernate_after_s: numeric(draft.hibernate_after_s) }),
    env: env.length === 0 && agent?.env === undefined ? undefined : Object.fromEntries(env),
    permissions: profileOf(draft, agent),
  });
}

/** What the agent may at most; undefined where that is everything. */
function profileOf(
  { files, network, hosts, allow_tools, deny_tools }: AgentDraft,
  agent?: Agent,
): PermissionProfile | undefined {
  const deny = words(deny_tools);
  const named = words(allow_tools);
  // A list that allows nothing cannot be typed: it stays until something is.
  const none = named.length === 0 && agent?.permissions?.tools?.allow?.length === 0;
  const tools = { ...((named.length > 0 || none) && { allow: named }), ...(deny.length > 0 && { deny }) };
  const limited = network === 'limited' ? words(hosts) : [];
  const free = files === 'rw' && network === 'full' && Object.keys(tools).length === 0;
  if (free) return undefined;
  return {
    filesystem: files as PermissionProfile['filesystem'],
    network: network as PermissionProfile['network'],
    hosts: limited,
    ...(Object.keys(tools).length > 0 && { tools }),
  };
}

const words = (value: string): string[] => parts(value, /[\s,]+/);

const lines = (value: string): string[] => parts(value, '\n');

const parts = (value: string, by: string | RegExp): string[] =>
  value
    .split(by)
    .map((part) => part.trim())
    .filter(Boolean);

const numeric = (value: string): number | undefined => (value.trim() === '' ? undefined : Number(value));

const withoutUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;

/** The id that the server would make of a name. */
export const idFrom = (name: string): string =>
  name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 50);
