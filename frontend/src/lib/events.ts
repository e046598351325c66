import type { AgentStatusWord } from '@contracts/agent.js';
import { type AnyNoxEvent, type EventType, parseEvent } from '@contracts/event.js';
import { lookOf } from './agent-state.js';
import { dollars, plural, shortHash, withClockTimes } from './format.js';
import { handle, type Handlers } from './handlers.js';
import { oneLine } from './request-input.js';

/** The events of a page that this client knows; newer types are passed over. */
export function parsePage(events: readonly unknown[]): AnyNoxEvent[] {
  return events.flatMap((raw) => parseEvent(raw) ?? []);
}

/** What happened, in a sentence, without the agent's name. */
export function sentenceOf(event: AnyNoxEvent): string {
  switch (event.type) {
    case 'agent.created':
      return `was created by ${event.payload.actor}`;
    case 'agent.updated':
      return `was changed by ${event.payload.actor}: ${event.payload.fields.join(', ')}`;
    case 'agent.deleted':
      return `was deleted by ${event.payload.actor}`;
    case 'agent.status_changed': {
      const { status } = event.payload;
      return `is ${lookOf(status.status).word}${status.reason === undefined ? '' : `: ${withClockTimes(status.reason)}`}`;
    }
    case 'agent.log':
      return `${event.payload.stream}: ${event.payload.line}`;
    case 'agent.api_retry':
      return `asks the model again, attempt ${event.payload.attempt} of ${event.payload.max_retries}: ${event.payload.error}`;
    case 'agent.resource_warning':
      return `nears its limit: ${event.payload.reason}`;
    case 'agent.resource_limit_exceeded':
      return `was ended over its limit: ${event.payload.reason}`;
    case 'agent.throttled':
      return `is held back: ${event.payload.reason}`;
    case 'agent.unthrottled':
      return `runs freely again: ${event.payload.reason}`;
    case 'agent.silent':
      return event.payload.verdict === 'hung'
        ? `is taken for hung and ended: ${event.payload.reason}`
        : `has been silent for ${Math.round(event.payload.silent_s)} s: ${event.payload.reason}`;
    case 'agent.budget_exceeded':
      return `waits: its budget of ${event.payload.which.replaceAll('_', ' ')} is used`;
    case 'agent.budget_warning':
      return `has used four fifths of its budget of ${event.payload.which.replaceAll('_', ' ')}`;
    case 'agent.storm':
      return `was parked: ${event.payload.reason}`;
    case 'agent.tool_used':
      return `${event.payload.is_error ? 'could not use' : 'used'} ${event.payload.tool}`;
    case 'agent.resumed':
      return `goes on: ${withClockTimes(event.payload.reason)}`;
    case 'turn.postponed':
      return `put a turn off: ${withClockTimes(event.payload.reason)}`;
    case 'system.gate_checked':
      return `approval gate ${event.payload.gate.state}: ${event.payload.gate.detail}`;
    case 'system.emergency_stopped':
      return `emergency stop by ${event.payload.actor}: ${event.payload.ended} agents ended`;
    case 'system.emergency_cleared':
      return `emergency stop cleared by ${event.payload.actor}`;
    case 'turn.queued':
      return `got a prompt from ${event.payload.turn.actor}: ${event.payload.turn.prompt.replaceAll(/\s+/g, ' ').slice(0, 160)}`;
    case 'turn.started':
      return `began a turn${event.payload.model === null ? '' : ` with ${event.payload.model}`}`;
    case 'turn.text_delta':
    case 'turn.text':
      return `wrote: ${event.payload.text.replaceAll(/\s+/g, ' ').slice(0, 160)}`;
    case 'turn.tool_call':
      return `called ${event.payload.name}: ${oneLine(event.payload.name, event.payload.input)}`;
    case 'turn.tool_decided':
      return `call ${event.payload.decision === 'allow' ? 'allowed' : 'denied'} by ${event.payload.by}${event.payload.reason === null ? '' : `: ${event.payload.reason}`}`;
    case 'turn.tool_result':
      return event.payload.is_error ? 'a tool call failed' : 'a tool call ended';
    case 'turn.ended': {
      const { turn, usage } = event.payload;
      const cost = usage === null ? '' : `, ${plural(usage.output_tokens, 'token')} out, ${dollars(usage.cost_usd)}`;
      return `ended a turn: ${turn.status}${turn.reason === null ? '' : `, ${turn.reason}`}${cost}`;
    }
    case 'approval.requested':
      return `asks to use ${event.payload.approval.tool_name} (${event.payload.approval.risk_level} risk)`;
    case 'approval.updated': {
      const { tool_name, held, votes = [], approvals_needed = 1 } = event.payload.approval;
      return held === undefined
        ? `${tool_name} waits; ${votes.length} of ${approvals_needed} have approved it`
        : `${tool_name} ${held.status} by ${held.decided_by}, can still be undone`;
    }
    case 'approval.notified': {
      const { via, step_id, state, reason } = event.payload.notice;
      return `notice "${step_id}" by ${via}: ${state}${reason === null ? '' : `, ${reason}`}`;
    }
    case 'approval.decided': {
      const { approval } = event.payload;
      return `${approval.tool_name} ${approval.status} by ${approval.decided_by ?? 'nobody'}${approval.reason === null ? '' : `: ${approval.reason}`}`;
    }
    case 'approval.expired':
      return `${event.payload.approval.tool_name} expired without a decision and was denied`;
    case 'approval.cancelled':
      return `${event.payload.approval.tool_name} no longer waits: its turn has ended`;
    case 'approval.executed':
      return `${event.payload.approval.tool_name} ran as approved`;
    case 'message.published': {
      const { message } = event.payload;
      return `got a ${message.priority} message from ${message.from}: ${message.content.replaceAll(/\s+/g, ' ').slice(0, 160)}`;
    }
    case 'message.delivered':
      return `took in a message from ${event.payload.from}`;
    case 'message.acked':
      return `has dealt with a message from ${event.payload.from}`;
    case 'message.requeued':
      return `will get a message from ${event.payload.from} again: ${event.payload.reason ?? ''}`;
    case 'message.cancelled':
    case 'message.expired':
      return `did not get a message from ${event.payload.from} (${event.payload.status}): ${event.payload.reason ?? ''}`;
    case 'message.dead':
      return `could not be given a message from ${event.payload.from}, tried ${event.payload.attempt} times: ${event.payload.reason ?? ''}`;
    case 'message.retried':
      return `gets a dead message from ${event.payload.from} again, by ${event.payload.actor}`;
    case 'message.broker_changed':
      return event.payload.available
        ? 'the message queue is back'
        : `the message queue is away: ${event.payload.detail}`;
    case 'task.created':
      return `has a new task: ${event.payload.task.title}`;
    case 'task.updated':
      return `task "${event.payload.task.title}" was changed: ${event.payload.fields.join(', ')}`;
    case 'task.status_changed': {
      const { task } = event.payload;
      return `task "${task.title}" is ${task.status.replace('_', ' ')}${task.reason === null ? '' : `: ${task.reason}`}`;
    }
    case 'task.progress':
      return `task "${event.payload.task.title}" is at ${event.payload.task.progress ?? 0} %`;
    case 'task.accepting':
      return `Nox checks whether "${event.payload.task.title}" is done`;
    case 'task.evidence':
      return `the acceptance of "${event.payload.task.title}" ${event.payload.evidence.passed ? 'passed' : 'failed'}`;
    case 'task.delegated':
      return `task "${event.payload.task.title}" to ${event.payload.delegation.to_agent}: ${event.payload.delegation.status}`;
    case 'task.overdue':
      return `task "${event.payload.task.title}" is overdue`;
    case 'task.file_error':
      return `${event.payload.file} cannot be read: ${event.payload.problems[0]?.message ?? ''}`;
    case 'task.file_ok':
      return `${event.payload.file} can be read again`;
    case 'service.changed': {
      const { service, status, reason } = event.payload;
      return `service ${service} is ${status.replace('_', ' ')}${reason === null ? '' : `: ${reason}`}`;
    }
    case 'service.pull_progress':
      return `the image of ${event.payload.service} is ${event.payload.percent} % here`;
    case 'service.installed':
      return `${event.payload.actor} installed service ${event.payload.service}`;
    case 'service.removed':
      return `${event.payload.actor} removed service ${event.payload.service}`;
    case 'service.attached':
      return `was given service ${event.payload.service} by ${event.payload.actor}`;
    case 'service.detached':
      return `lost service ${event.payload.service} by ${event.payload.actor}`;
    case 'service.call': {
      const { service, tool, outcome, duration_ms, reason } = event.payload;
      return `called ${tool} of ${service}: ${outcome} in ${duration_ms} ms${reason === null ? '' : `, ${reason}`}`;
    }
    case 'registry.committed':
      return `${event.payload.commit.subject} (${shortHash(event.payload.commit.hash)})`;
    case 'registry.rolled_back':
      return `${event.payload.commit.subject}, ${plural(event.payload.reconciled.length, 'step')} in the live system`;
    case 'registry.switched':
      return `${event.payload.actor} put branch ${event.payload.to} in force, ${plural(event.payload.reconciled.length, 'step')} in the live system`;
    case 'registry.named':
      return `${event.payload.actor} ${event.payload.change} ${event.payload.kind} ${event.payload.name}`;
    case 'registry.damaged':
      return `the registry on the disk is damaged, nothing is written to it: ${event.payload.problems[0] ?? ''}`;
    case 'registry.remote':
      return `the backup on the remote is ${event.payload.remote.state}: ${event.payload.remote.detail}`;
    case 'registry.invalid':
      return `${event.payload.file} is not valid, line ${event.payload.line}: ${event.payload.field === '' ? '' : `${event.payload.field} `}${event.payload.message}`;
    case 'registry.held':
      return `${event.payload.edit.file} was edited by hand and waits for you: ${event.payload.edit.fields.map(({ key }) => key).join(', ')}`;
    case 'registry.mended':
      return `nothing of ${event.payload.file} waits or is invalid any more`;
    case 'registry.conflict': {
      const { file, conflicts, taken } = event.payload.conflict;
      return `a hand edit of ${file} and a write changed ${conflicts.map(({ key }) => key).join(', ')}; the ${taken === 'theirs' ? 'hand edit' : 'write'} has it`;
    }
    case 'registry.accepted':
      return `${event.payload.actor} accepted the hand edit of ${event.payload.files.join(', ')}`;
    case 'registry.rejected':
      return `${event.payload.actor} rejected the hand edit of ${event.payload.files.join(', ')}`;
    case 'system.started':
      return `Nox ${event.payload.version} started`;
    case 'system.backed_up':
      return `${event.payload.actor} made a backup of registry and journal`;
    case 'system.stopping':
      return `Nox stops: ${event.payload.reason}`;
    case 'system.model_changed':
      return `${event.payload.actor} chose ${event.payload.mode === 'claude' ? 'the real Claude' : 'the scripted model'}`;
    case 'system.login':
      return `${event.payload.username} ${event.payload.success ? 'logged in' : 'failed to log in'} from ${event.payload.address}`;
    case 'system.login_revoked':
      return `a login of ${event.payload.username} was ended: ${REVOKED[event.payload.reason]}`;
  }
  // A type that the contract has and this list has not yet.
  return (event as AnyNoxEvent).type;
}

const REVOKED = {
  logout: 'logged out',
  reuse: 'its refresh token was used twice, so it may have been stolen',
  password_changed: 'the password was changed',
  user_deleted: 'the user was removed',
} as const;

/** Steps between the ones that matter. */
const FINE = new Set<EventType>([
  'turn.text',
  'turn.text_delta',
  'turn.tool_result',
  'turn.started',
  'agent.log',
  'message.delivered',
  'message.acked',
]);
export const isMain = (event: AnyNoxEvent): boolean => !FINE.has(event.type);

/** What is worth a line to somebody who glances: neither single calls, nor states that come and go, nor a thing twice. */
export const isHeadline = (event: AnyNoxEvent): boolean => handle(HEADLINES, event) ?? isMain(event);
const SETTLED = new Set<AgentStatusWord>(['failed', 'crashed', 'parked']);
const HEADLINES: Handlers<[], boolean> = {
  'turn.queued': () => false,
  'turn.tool_call': () => false,
  'turn.tool_decided': () => false,
  'message.published': () => false,
  'message.requeued': () => false,
  'service.call': () => false,
  'service.pull_progress': () => false,
  'agent.status_changed': ({ payload }) => SETTLED.has(payload.status.status),
  // The change of an agent is told by the agent's own event.
  'registry.committed': ({ payload }) => payload.commit.object?.startsWith('agent') !== true,
};

const ALARMS: Handlers<[], boolean> = {
  'agent.status_changed': ({ payload }) => payload.status.status === 'failed',
  'registry.invalid': () => true,
  'registry.damaged': () => true,
  'registry.held': () => true,
  'registry.conflict': () => true,
  'registry.remote': ({ payload }) => payload.remote.failures > 0,
  'message.dead': () => true,
  'message.broker_changed': ({ payload }) => !payload.available,
  'task.overdue': () => true,
  'task.file_error': () => true,
  'approval.expired': () => true,
  'system.login': ({ payload }) => !payload.success,
  'system.login_revoked': ({ payload }) => payload.reason === 'reuse',
  'turn.ended': ({ payload }) => payload.turn.status === 'error',
};

/** What a person should look at. */
export const isAlarm = (event: AnyNoxEvent): boolean => handle(ALARMS, event) ?? false;
