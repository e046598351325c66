import { GATED_TOOLS, TOOLBOX, TOOLS as NOX_TOOLS } from '../contracts/toolbox.js';
import { type Finding, high, low, medium, critical, type Risk, sumUp } from './finding.js';
import { type Access, absolute, judgePath, judgePlan, lexically, type Place, type Resolve } from './paths.js';
import { dangersOf } from './shell/danger.js';
import { readOnlyPaths } from './shell/read-only.js';
import { judgeCommands } from './shell/judge-script.js';
import { readShell } from './shell/read-shell.js';
import type { Simple } from './shell/script.js';

export interface RiskyCall {
  readonly tool_name: string;
  readonly input: Record<string, unknown>;
  readonly cwd: string;
  /** The agent's own folder; `cwd` when it is not said. */
  readonly workspace?: string | undefined;
  /** The folder in which the agent's Claude keeps the plans that it shows. */
  readonly plans?: string | undefined;
  /** The commands of a shell call, if they were read for sure. */
  readonly commands?: readonly Simple[] | null | undefined;
}

/**
 * How risky a tool call is, and why. `low` is said only of calls that are known in whole to read, or to keep notes,
 * inside the workspace; everything unknown is more. Pure: where paths really lead is told by `resolve`.
 */
export function classify(call: RiskyCall, resolve: Resolve = lexically(call.cwd)): Risk {
  const workspace = absolute(call.workspace ?? call.cwd, call.cwd);
  const place: Place = { cwd: call.cwd, workspace: resolve(workspace) ?? workspace, resolve };
  return sumUp(findingsOf(call, place));
}

/** The paths that the fields of a call name. */
export const callPaths = (call: RiskyCall): string[] => filePaths(call).map(({ path }) => path);

/** The paths that `classify` will ask about, so that they can be resolved before. */
export function pathsOf(call: RiskyCall): string[] {
  const workspace = absolute(call.workspace ?? call.cwd, call.cwd);
  const paths = filePaths(call).map(({ path }) => path);
  if (call.tool_name === 'Bash' && typeof call.input['command'] === 'string') {
    const { words } = readShell(call.input['command']);
    paths.push(...((words === null ? null : readOnlyPaths(words))?.paths ?? []));
  }
  return [...new Set([workspace, ...paths])];
}

function findingsOf(call: RiskyCall, place: Place): Finding[] {
  const tool = TOOLS.get(call.tool_name);
  if (tool === undefined) return [unknownTool(call.tool_name)];
  const found = filePaths(call).map(
    ({ path, access }) => judgePlan(path, access, call.plans, place) ?? judgePath(path, access, place),
  );
  found.push(...[tool.judge(call, place)].flat());
  const strange = Object.keys(call.input).filter((key) => !tool.keys.includes(key));
  if (strange.length > 0) found.push(medium(`has settings that Nox does not know: ${strange.slice(0, 5).join(', ')}`));
  for (const key of tool.needs ?? []) {
    if (typeof call.input[key] !== 'string') found.push(medium(`does not say its ${key}`));
  }
  return found;
}

function unknownTool(name: string): Finding {
  if (name.startsWith(OWN_TOOLS)) return ownTool(name.slice(OWN_TOOLS.length));
  if (!name.startsWith('mcp__')) return high(`Nox does not know the tool ${name.slice(0, 80)}`);
  return high(`calls a tool of an MCP server: ${name.slice(5, 100).replace('__', ', ')}`);
}

const OWN_TOOLS = `mcp__${TOOLBOX}__`;

/** Nox itself checks what an agent may do with them; some are a person's to decide all the same. */
function ownTool(name: string): Finding {
  if (!Object.hasOwn(NOX_TOOLS, name)) return high(`Nox has no tool ${name.slice(0, 80)}`);
  if (!GATED_TOOLS.has(name)) return low('asks Nox itself, which checks what the agent may do');
  if (name === 'spawn_agent') return high('has another agent made');
  return medium(name === 'delegate_task' ? 'gives work to another agent' : 'asks a person before it goes on');
}

interface Tool {
  /** Fields of the input that are understood; a call with any other is not `low`. */
  readonly keys: readonly string[];
  readonly needs?: readonly string[];
  /** Fields that hold a path, and what is done with it; a missing one is the current folder if `here`. */
  readonly paths?: readonly string[];
  readonly access?: Access;
  readonly here?: boolean;
  readonly judge: (call: RiskyCall, place: Place) => Finding | Finding[];
}

const keys = (text: string): string[] => text.split(' ').filter(Boolean);
const says =
  (finding: Finding): (() => Finding) =>
  () =>
    finding;
const notes = says(low('keeps notes inside Claude itself'));
const task = says(low("reads or ends the agent's own background work"));

const TOOLS: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  [
    'Read',
    {
      keys: keys('file_path offset limit pages allow_large'),
      needs: ['file_path'],
      paths: ['file_path'],
      judge: () => [],
    },
  ],
  [
    'NotebookRead',
    { keys: keys('notebook_path cell_id'), needs: ['notebook_path'], paths: ['notebook_path'], judge: () => [] },
  ],
  ['LS', { keys: keys('path ignore'), paths: ['path'], here: true, judge: () => [] }],
  [
    'Glob',
    { keys: keys('pattern path'), needs: ['pattern'], paths: ['path'], here: true, judge: patternOf('pattern') },
  ],
  [
    'Grep',
    {
      keys: keys('pattern path glob output_mode -B -A -C context -n -i -o type head_limit offset multiline'),
      needs: ['pattern'],
      paths: ['path'],
      here: true,
      judge: patternOf('glob'),
    },
  ],
  [
    'Write',
    { keys: keys('file_path content'), needs: ['file_path'], paths: ['file_path'], access: 'write', judge: () => [] },
  ],
  [
    'Edit',
    {
      keys: keys('file_path old_string new_string replace_all'),
      needs: ['file_path'],
      paths: ['file_path'],
      access: 'write',
      judge: () => [],
    },
  ],
  [
    'MultiEdit',
    { keys: keys('file_path edits'), needs: ['file_path'], paths: ['file_path'], access: 'write', judge: () => [] },
  ],
  [
    'NotebookEdit',
    {
      keys: keys('notebook_path cell_id new_source cell_type edit_mode'),
      needs: ['notebook_path'],
      paths: ['notebook_path'],
      access: 'write',
      judge: () => [],
    },
  ],
  ['Bash', { keys: keys('command timeout description run_in_background dangerouslyDisableSandbox'), judge: judgeBash }],
  ['BashOutput', { keys: keys('bash_id shell_id filter block timeout'), judge: task }],
  ['TaskOutput', { keys: keys('task_id block timeout'), judge: task }],
  ['KillShell', { keys: keys('shell_id'), judge: task }],
  ['TaskStop', { keys: keys('task_id shell_id'), judge: task }],
  ['TodoWrite', { keys: keys('todos'), judge: notes }],
  ['TaskCreate', { keys: keys('subject description activeForm metadata'), judge: notes }],
  ['TaskGet', { keys: keys('taskId'), judge: notes }],
  ['TaskList', { keys: [], judge: notes }],
  [
    'TaskUpdate',
    { keys: keys('taskId subject description activeForm status addBlocks addBlockedBy owner metadata'), judge: notes },
  ],
  ['ToolSearch', { keys: keys('query max_results'), judge: says(low('looks up its own tools')) }],
  ['EnterPlanMode', { keys: [], judge: says(low('plans before it acts')) }],
  [
    'Task',
    {
      keys: keys('description prompt subagent_type model effort run_in_background name mode isolation'),
      judge: subAgent,
    },
  ],
  [
    'Agent',
    {
      keys: keys('description prompt subagent_type model effort run_in_background name mode isolation'),
      judge: subAgent,
    },
  ],
  ['AskUserQuestion', { keys: keys('questions answers annotations metadata'), judge: says(medium('asks a person')) }],
  [
    'ExitPlanMode',
    { keys: keys('plan allowedPrompts planFilePath'), judge: says(medium('asks a person to agree to its plan')) },
  ],
  [
    'WebSearch',
    {
      keys: keys('query allowed_domains blocked_domains'),
      judge: says(medium('searches the web, and so tells what it looks for')),
    },
  ],
  [
    'WebFetch',
    { keys: keys('url prompt'), judge: says(high('fetches an address of the web, and so can send data there')) },
  ],
  ['Skill', { keys: keys('skill args command'), judge: says(medium('loads a skill, whose text can run commands')) }],
]);

function filePaths(call: RiskyCall): { path: string; access: Access }[] {
  const tool = TOOLS.get(call.tool_name);
  const found = (tool?.paths ?? []).flatMap((key) => {
    const path = call.input[key];
    return typeof path === 'string' && path !== '' ? [path] : tool?.here === true ? ['.'] : [];
  });
  // The fixed part of a pattern is a folder like any other, and may be a link that leads away.
  const { path, pattern } = call.input;
  if (call.tool_name === 'Glob' && typeof pattern === 'string' && pattern.includes('/')) {
    const fixed = pattern.replace(/[*?[{(!+@].*$/s, '').replace(/[^/]*$/, '');
    found.push(fixed.startsWith('/') || typeof path !== 'string' ? fixed : `${path}/${fixed}`);
  }
  return found.filter((path) => path !== '').map((path) => ({ path, access: tool?.access ?? 'read' }));
}

/** A pattern may lead out of the folder that it starts in, or pick secrets by name. */
function patternOf(key: string): Tool['judge'] {
  return (call, place) => {
    const pattern = call.input[key];
    if (pattern === undefined) return [];
    if (typeof pattern !== 'string') return medium(`does not say its ${key}`);
    if (/\.\./.test(pattern) || /^[/~]/.test(pattern))
      return medium(`searches outside the workspace: ${pattern.slice(0, 200)}`);
    if (/(^|\/)\.[^/]*[*?[{]/.test(pattern))
      return high(`picks hidden files, which may be secrets: ${pattern.slice(0, 200)}`);
    return judgePath(pattern.replaceAll('*', '').replace(/^\/+/, ''), 'read', {
      ...place,
      resolve: lexically(place.workspace),
    });
  };
}

/** A sub-agent's own calls pass the same gate, so starting it is harmless unless it leaves this process. */
function subAgent(call: RiskyCall): Finding[] {
  const { mode, isolation } = call.input;
  const found = [low('starts a sub-agent, whose own calls are checked one by one')];
  if (mode === 'bypassPermissions') found.push(critical('starts a sub-agent with safety checks switched off'));
  else if (mode !== undefined && mode !== 'default' && mode !== 'plan')
    found.push(high('starts a sub-agent that asks less'));
  if (isolation !== undefined) found.push(high('starts a sub-agent in another place'));
  return found;
}

function judgeBash(call: RiskyCall, place: Place): Finding[] {
  const { command, dangerouslyDisableSandbox } = call.input;
  const found: Finding[] = [];
  if (dangerouslyDisableSandbox !== undefined && dangerouslyDisableSandbox !== false) {
    found.push(high('asks to run outside the sandbox'));
  }
  if (typeof command !== 'string') return [...found, medium('does not say its command')];
  const script = call.commands === undefined || call.commands === null ? [] : judgeCommands(call.commands, place);
  const known = script.map(({ findings }) => findings);
  if (known.length > 0 && known.every((findings) => findings !== null)) return [...found, ...known.flat()];
  const reading = readShell(command);
  const harmless = reading.words === null ? null : readOnlyPaths(reading.words);
  if (harmless === null) return [...found, ...dangersOf(command, reading)];
  return [...found, low('only looks'), ...harmless.paths.map((path) => judgePath(path, 'read', place))];
}
