import type { AnyNoxEvent, EventPayload, EventType } from '../../contracts/event.js';
import { shortInput } from './prompt-printer.js';
import { stateCell, type Style, styleOf } from './style.js';
import { cut, oneLine } from './text.js';
import { clockTime } from './time.js';

/** An event on one line: when, which, who, and what it means. */
export function eventLine(event: AnyNoxEvent, style: Style, width = Number.POSITIVE_INFINITY): string {
  const head = `${clockTime(event.timestamp)} ${String(event.seq).padStart(6)} `;
  const type = event.type.padEnd(22);
  const agent = event.agent_id === undefined ? '' : `${event.agent_id} `;
  const room = Math.max(20, width - head.length - type.length - agent.length - 1);
  return `${style.dim(head)}${style.cyan(type)} ${style.bold(agent)}${cut(summaryOf(event), room)}`.trimEnd();
}

const state = (word: string): string => stateCell(word, styleOf(false)).text;

type Approvals = 'approval.requested' | 'approval.decided' | 'approval.expired' | 'approval.cancelled';
const approval = ({ approval: a }: EventPayload<Approvals>): string =>
  `${a.id} ${state(a.status)}, ${a.risk_level} risk: ${a.tool_name} ${shortInput(a.input)}`;
const approvalNews = ({ approval: a }: EventPayload<'approval.updated'>): string =>
  a.held === undefined
    ? `${a.id} waits: ${a.votes?.length ?? 0} of ${a.approvals_needed ?? 1} have approved it`
    : `${a.id} ${a.held.status} by ${a.held.decided_by}, can be undone until ${a.held.until}`;
const commit = ({ commit: c }: { commit: { hash: string; subject: string } }): string =>
  `${c.hash.slice(0, 8)} ${c.subject}`;

const change = (p: EventPayload<'message.acked'>): string =>
  `${p.message_id} from ${p.from} ${state(p.status)}${p.reason === null ? '' : `: ${p.reason}`}`;
const task = ({ task: t }: { task: { id: string; status: string; title: string } }): string =>
  `${t.id} ${state(t.status)}: ${t.title}`;
const problems = ({ file, problems: [first] }: EventPayload<'task.file_error'>): string =>
  `${file}${(first?.line ?? null) === null ? '' : ` line ${first?.line}`}: ${first?.message ?? ''}`;

const SUMMARIES: { readonly [T in EventType]: (payload: EventPayload<T>) => string } = {
  'agent.created': (p) => `"${p.name}" by ${p.actor}`,
  'agent.updated': (p) => `${p.fields.join(', ')} by ${p.actor}`,
  'agent.deleted': (p) => `by ${p.actor}`,
  'agent.status_changed': (p) => `${state(p.status.status)} ${p.status.reason ?? ''}`,
  'agent.log': (p) => `${p.stream}: ${p.line}`,
  'agent.silent': (p) => `${p.verdict}: ${p.reason}`,
  'agent.resource_warning': (p) => p.reason,
  'agent.resource_limit_exceeded': (p) => p.reason,
  'agent.throttled': (p) => p.reason,
  'agent.unthrottled': (p) => p.reason,
  'agent.api_retry': (p) => `attempt ${p.attempt} of ${p.max_retries}: ${p.error}`,
  'agent.budget_exceeded': (p) => `${p.scope}: ${p.which} ${p.spent} of ${p.limit}, until ${p.resets_at}`,
  'agent.budget_warning': (p) => `${p.scope}: ${p.which} ${p.spent} of ${p.limit}`,
  'agent.storm': (p) => `${p.storm}: ${p.reason}, parked until ${p.resume_at}`,
  'agent.tool_used': (p) => `${p.caller} ${p.tool}${p.is_error ? ' failed' : ''}: ${p.summary}`,
  'agent.resumed': (p) => p.reason,
  'turn.queued': ({ turn }) => `${turn.id} by ${turn.actor}: ${turn.prompt}`,
  'turn.postponed': (p) => `${p.turn_id} ${p.reason}`,
  'turn.started': (p) => `${p.turn_id} ${p.model ?? ''}`,
  'turn.text_delta': (p) => p.text,
  'turn.text': (p) => p.text,
  'turn.tool_call': (p) => `⚙ ${p.name} ${shortInput(p.input)}`,
  'turn.tool_decided': (p) => `${p.decision} by ${p.by}: ${p.reason ?? ''}`,
  'turn.tool_result': (p) => `${p.is_error ? '✕' : '✓'} ${p.result}`,
  'turn.ended': ({ turn }) => `${turn.id} ${state(turn.status)} ${turn.reason ?? ''}`,
  'approval.requested': approval,
  'approval.updated': approvalNews,
  'approval.notified': ({ notice: n }) =>
    `${n.approval_id} ${n.step_id} by ${n.via}: ${n.state}${n.reason === null ? '' : `, ${n.reason}`}`,
  'approval.decided': approval,
  'approval.expired': approval,
  'approval.cancelled': approval,
  'approval.executed': approval,
  'message.published': ({ message: m }) => `${m.id} from ${m.from}, ${m.priority}: ${m.content}`,
  'message.delivered': change,
  'message.acked': change,
  'message.requeued': change,
  'message.cancelled': change,
  'message.expired': change,
  'message.dead': change,
  'message.retried': (p) => `${p.message_id} from ${p.from} by ${p.actor}`,
  'message.broker_changed': (p) => `${p.available ? 'available' : 'away'}: ${p.detail}`,
  'task.created': task,
  'task.updated': (p) => `${task(p)} (${p.fields.join(', ')})`,
  'task.status_changed': (p) => `${task(p)} ${p.task.reason ?? ''}`,
  'task.progress': (p) => `${p.task.progress ?? 0}% ${task(p)}`,
  'task.accepting': task,
  'task.evidence': (p) => `${p.evidence.passed ? '✓ passed' : '✕ failed'} ${task(p)}`,
  'task.delegated': (p) => `${p.delegation.status} to ${p.delegation.to_agent}: ${task(p)}`,
  'task.overdue': task,
  'task.file_error': problems,
  'task.file_ok': (p) => p.file,
  'registry.committed': commit,
  'registry.rolled_back': commit,
  'registry.switched': (p) => `${p.from} → ${p.to} by ${p.actor}`,
  'registry.named': (p) => `${p.kind} ${p.name} ${p.change} by ${p.actor}`,
  'registry.remote': (p) => `${p.remote.state}: ${p.remote.detail}`,
  'registry.damaged': (p) => p.problems.join('; '),
  'registry.invalid': (p) => `${p.file}:${p.line}: ${p.field === '' ? '' : `${p.field}: `}${p.message}`,
  'registry.held': ({ edit: e }) => `${e.file} waits for a person: ${e.fields.map(({ key }) => key).join(', ')}`,
  'registry.mended': (p) => p.file,
  'registry.conflict': ({ conflict: c }) =>
    `${c.file}: ${c.conflicts.map(({ key }) => key).join(', ')}; ${c.taken === 'theirs' ? 'the hand edit' : 'the write'} has it`,
  'registry.accepted': (p) => `${p.files.join(', ')} by ${p.actor}`,
  'registry.rejected': (p) => `${p.files.join(', ')} by ${p.actor}`,
  'service.changed': (p) => `${p.service} ${state(p.status)} ${p.reason ?? ''}`,
  'service.pull_progress': (p) => `${p.service} ${p.percent} %, ${p.layers_done} of ${p.layers} layers`,
  'service.installed': (p) => `${p.service} ${p.image ?? ''} by ${p.actor}`,
  'service.removed': (p) => `${p.service} by ${p.actor}`,
  'service.attached': (p) => `${p.service} by ${p.actor}`,
  'service.detached': (p) => `${p.service} by ${p.actor}`,
  'service.call': (p) => `${p.service}.${p.tool} ${p.outcome} in ${p.duration_ms} ms ${p.reason ?? ''}`,
  'system.started': (p) => `version ${p.version}`,
  'system.backed_up': (p) => `${p.name} by ${p.actor}`,
  'system.stopping': (p) => p.reason,
  'system.model_changed': (p) => `${p.mode}${p.demo ? ' (demo)' : ''} by ${p.actor}`,
  'system.gate_checked': (p) => `${state(p.gate.state)} ${p.gate.detail}`,
  'system.emergency_stopped': (p) =>
    `by ${p.actor}, ${p.ended} agents ended${p.reason === null ? '' : `: ${p.reason}`}`,
  'system.emergency_cleared': (p) => `by ${p.actor}`,
  'system.login': (p) => `${p.username} from ${p.address}: ${p.success ? 'in' : 'refused'}`,
  'system.login_revoked': (p) => `${p.username}: ${p.reason}`,
};

/** What an event means, in a few words on one line. */
export function summaryOf(event: AnyNoxEvent): string {
  const summary = SUMMARIES[event.type] as (payload: unknown) => string;
  return oneLine(summary(event.payload));
}
