import type { Agent, AgentStatus } from '../../contracts/agent.js';
import type { Cli } from '../cli.js';
import { painted, type Painted, stateCell, type Style } from './style.js';
import { type Column, pairs } from './table.js';
import { counted, oneLine, plain } from './text.js';
import { duration, relative } from './time.js';

const COLUMNS: readonly Column[] = [
  { head: 'ID' },
  { head: 'NAME', shrinks: true },
  { head: 'STATUS' },
  { head: 'UP', align: 'right' },
  { head: 'MEMORY', align: 'right' },
  { head: 'CPU', align: 'right' },
  { head: 'TURNS', align: 'right' },
  { head: 'COST', align: 'right' },
  { head: 'WHY', shrinks: true },
];

/** One line per agent. */
export function agentTable(cli: Cli, agents: readonly Agent[]): void {
  cli.printTable(
    COLUMNS,
    agents.map((a) => [
      a.id,
      a.name,
      stateOf(a, cli.style, cli.now_ms),
      uptime(a, cli.now_ms),
      memory(a),
      cpu(a),
      a.usage.turns,
      cost(a.usage.cost_usd),
      a.reason ?? '',
    ]),
  );
}

/** Everything about one agent. */
export function agentView(cli: Cli, a: Agent): string {
  const { style, now_ms } = cli;
  const facts = pairs(
    [
      ['id', a.id],
      ['name', a.name],
      ['status', stateOf(a, style, now_ms)],
      ['why', a.reason],
      ['wanted', a.desired_state],
      ['process', a.pid === null ? a.process_state : `${a.process_state}, pid ${a.pid}`],
      ['since', seen(a.process_state_since, a.observed.process, now_ms)],
      ['activity', a.process_state === 'running' ? a.activity : null],
      ['since', a.process_state === 'running' ? seen(a.activity_since, a.observed.activity, now_ms) : null],
      ['last output', a.last_output_at === null ? null : relative(a.last_output_at, now_ms)],
      ['up for', uptime(a, now_ms)],
      ['restarts', a.restart_count],
      ['breaker', breakerText(a, now_ms)],
      ['memory', memory(a)],
      ['cpu', cpu(a)],
      ['runtime', a.runtime],
      ['command', a.command?.join(' ')],
      ['model', a.model ?? 'the default'],
      ['folder', a.cwd],
      ['priority', a.priority],
      ['capabilities', a.capabilities.join(', ')],
      ['permissions', permissionsText(a)],
      ['session', a.session_id],
      ['turn', a.current_turn_id],
      ['queued turns', a.queued_turns],
      ['approvals', a.pending_approvals === 0 ? 'none waits' : `${counted(a.pending_approvals, 'request')} for you`],
      ['usage', `${counted(a.usage.turns, 'turn')}, ${a.usage.input_tokens} tokens in, ${a.usage.output_tokens} out`],
      ['cost', cost(a.usage.cost_usd)],
      ['created', relative(a.created_at, now_ms)],
      ['changed', relative(a.last_modified, now_ms)],
    ],
    style.dim,
  );
  const prompt = plain(a.system_prompt).trimEnd();
  return prompt === '' ? facts : `${facts}\n${style.dim('system prompt')}\n${prompt}\n`;
}

/** What a command says after it has done something to an agent. */
export function statusLine(cli: Cli, status: AgentStatus): string {
  const state = painted(stateOf(status, cli.words, cli.now_ms));
  const pid = status.pid === null ? '' : `, pid ${status.pid}`;
  const why = status.reason === undefined ? '' : `: ${oneLine(status.reason)}`;
  return `${status.id} ${state}${pid}${why}`;
}

function breakerText({ breaker }: AgentStatus, now_ms: number): string {
  const { state, open_until, reason } = breaker;
  if (state === 'closed') return 'closed';
  const next = open_until === undefined ? 'until you reset it' : `tries again ${relative(open_until, now_ms)}`;
  return `${state === 'open' ? `open, ${next}` : 'half open, a probe runs'}: ${oneLine(reason ?? '')}`;
}

function stateOf(status: AgentStatus, style: Style, now_ms: number): Painted {
  const cell = stateCell(status.status, style);
  if (status.status === 'crashed' && status.next_start_at !== undefined) {
    return { ...cell, text: `${cell.text}, again ${relative(status.next_start_at, now_ms)}` };
  }
  if (status.resume_at !== undefined) {
    return { ...cell, text: `${cell.text}, goes on ${relative(status.resume_at, now_ms)}` };
  }
  if (status.throttled === true) return { ...cell, text: `${cell.text}, throttled` };
  if (status.pending_approvals > 0) return { ...cell, text: `${cell.text} (${status.pending_approvals} to approve)` };
  return cell;
}

/** Since when a state holds, and who last said so. */
const seen = (since: string, observed: AgentStatus['observed']['process'], now_ms: number): string =>
  `${relative(since, now_ms)} (seen by ${observed.source} ${relative(observed.at, now_ms)})`;
const uptime = (a: AgentStatus, now_ms: number): string =>
  a.started_at === null ? '' : duration(now_ms - Date.parse(a.started_at));
const memory = (a: AgentStatus): string =>
  a.memory_usage === null ? '' : `${Math.round(a.memory_usage / 2 ** 20)} MiB`;
const cpu = (a: AgentStatus): string => (a.cpu_usage === null ? '' : `${Math.round(a.cpu_usage)} %`);
/** Dollars; small sums with more digits, so that they are not nothing. */
export const cost = (usd: number): string => `$${usd.toFixed(usd > 0 && usd < 0.1 ? 4 : 2)}`;

/** What it may ever do, and by what that is kept; nothing while it is not limited. */
function permissionsText({ permissions, permissions_kept_by: kept }: Agent): string | undefined {
  if (permissions === undefined) return undefined;
  const { filesystem, network, hosts, tools } = permissions;
  const words = [
    `files ${filesystem}${kept === undefined ? '' : ` (kept by ${kept.filesystem})`}`,
    `network ${network}${hosts.length === 0 ? '' : ` to ${hosts.join(', ')}`}${kept === undefined ? '' : ` (kept by ${kept.network})`}`,
    ...(tools?.allow === undefined ? [] : [`only ${tools.allow.join(', ') || 'no tool'}`]),
    ...(tools?.deny === undefined ? [] : [`never ${tools.deny.join(', ')}`]),
  ];
  return plain(words.join('; '));
}
