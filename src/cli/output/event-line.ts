import type { AnyNoxEvent } from '../../contracts/event.js';
import { shortInput } from './prompt-printer.js';
import { painted, stateCell, type Style } from './style.js';
import { cut, oneLine } from './text.js';
import { clockTime } from './time.js';

const DEFAULT_WIDTH = 200;

/** An event on one line: when, which, who, and what it means. */
export function eventLine(event: AnyNoxEvent, style: Style, width = DEFAULT_WIDTH): string {
  const head = `${clockTime(event.timestamp)} ${String(event.seq).padStart(6)} `;
  const type = event.type.padEnd(22);
  const agent = event.agent_id === undefined ? '' : `${event.agent_id} `;
  const room = Math.max(20, width - head.length - type.length - agent.length - 1);
  return `${style.dim(head)}${style.cyan(type)} ${style.bold(agent)}${cut(summaryOf(event), room)}`.trimEnd();
}

const bare = (text: string): string => text;
const NO_STYLE = { grey: bare, blue: bare, yellow: bare, magenta: bare, cyan: bare, red: bare, green: bare };
const state = (word: string): string => painted(stateCell(word, { ...NO_STYLE, bold: bare, dim: bare }));

/** What an event means, in a few words on one line. */
export function summaryOf(event: AnyNoxEvent): string {
  return oneLine(textOf(event));
}

function textOf(event: AnyNoxEvent): string {
  switch (event.type) {
    case 'agent.created':
      return `"${event.payload.name}" by ${event.payload.actor}`;
    case 'agent.updated':
      return `${event.payload.fields.join(', ')} by ${event.payload.actor}`;
    case 'agent.deleted':
      return `by ${event.payload.actor}`;
    case 'agent.status_changed':
      return `${state(event.payload.status.status)} ${event.payload.status.reason ?? ''}`;
    case 'agent.lifecycle':
      return `${event.payload.step}: ${event.payload.detail}`;
    case 'agent.log':
      return `${event.payload.stream}: ${event.payload.line}`;
    case 'agent.api_retry':
      return `attempt ${event.payload.attempt} of ${event.payload.max_retries}: ${event.payload.error}`;
    case 'turn.queued':
      return `${event.payload.turn.id} by ${event.payload.turn.actor}: ${event.payload.turn.prompt}`;
    case 'turn.started':
      return `${event.payload.turn_id} ${event.payload.model ?? ''}`;
    case 'turn.text_delta':
    case 'turn.text':
      return event.payload.text;
    case 'turn.tool_call':
      return `⚙ ${event.payload.name} ${shortInput(event.payload.input)}`;
    case 'turn.tool_decided':
      return `${event.payload.decision} by ${event.payload.by}: ${event.payload.reason ?? ''}`;
    case 'turn.tool_result':
      return `${event.payload.is_error ? '✕' : '✓'} ${event.payload.result}`;
    case 'turn.ended':
      return `${event.payload.turn.id} ${state(event.payload.turn.status)} ${event.payload.turn.reason ?? ''}`;
    case 'approval.requested':
    case 'approval.decided':
    case 'approval.expired':
    case 'approval.cancelled':
    case 'approval.executed': {
      const { id, status, risk_level, tool_name, input } = event.payload.approval;
      return `${id} ${state(status)}, ${risk_level} risk: ${tool_name} ${shortInput(input)}`;
    }
    case 'registry.committed':
    case 'registry.rolled_back':
      return `${event.payload.commit.hash.slice(0, 8)} ${event.payload.commit.subject}`;
    case 'registry.invalid':
      return `${event.payload.file}: ${event.payload.message}`;
    case 'system.started':
      return `version ${event.payload.version}`;
    case 'system.stopping':
      return event.payload.reason;
    case 'system.model_changed':
      return `${event.payload.mode}${event.payload.demo ? ' (demo)' : ''} by ${event.payload.actor}`;
    case 'system.login':
      return `${event.payload.username} from ${event.payload.address}: ${event.payload.success ? 'in' : 'refused'}`;
    case 'system.login_revoked':
      return `${event.payload.username}: ${event.payload.reason}`;
  }
}
