import type { Agent, AgentStatus, AgentStatusWord } from '@contracts/agent.js';
import type { AnyNoxEvent } from '@contracts/event.js';
import { withClockTimes } from './format.js';
import { handle, type Handlers } from './handlers.js';

export type Colour = 'grey' | 'blue' | 'amber' | 'violet' | 'slate' | 'orange' | 'red' | 'green';
export type Sign =
  'circle' | 'dot' | 'diamond' | 'moon' | 'loop' | 'pause' | 'cross' | 'square' | 'dashed' | 'check' | 'ring';

/** How a state is told: always a word, a sign and a colour. */
export interface StateLook {
  readonly word: string;
  readonly sign: Sign;
  readonly colour: Colour;
  readonly pulse?: boolean;
}

const LOOKS: Record<AgentStatusWord, StateLook> = {
  inactive: { word: 'stopped', sign: 'square', colour: 'grey' },
  starting: { word: 'starting', sign: 'dashed', colour: 'blue', pulse: true },
  idle: { word: 'idle', sign: 'circle', colour: 'grey' },
  busy: { word: 'working', sign: 'dot', colour: 'blue', pulse: true },
  waiting: { word: 'waiting for you', sign: 'diamond', colour: 'amber' },
  parked: { word: 'parked', sign: 'pause', colour: 'violet' },
  hibernated: { word: 'hibernated', sign: 'moon', colour: 'slate' },
  stopping: { word: 'stopping', sign: 'dashed', colour: 'grey', pulse: true },
  crashed: { word: 'backoff', sign: 'loop', colour: 'orange' },
  failed: { word: 'failed', sign: 'cross', colour: 'red' },
};

export const lookOf = (status: AgentStatusWord): StateLook => LOOKS[status];

/** What needs a person comes first, then what moves, then what rests. */
const ORDER: Record<AgentStatusWord, number> = {
  failed: 0,
  waiting: 1,
  crashed: 2,
  busy: 3,
  starting: 4,
  stopping: 5,
  parked: 6,
  idle: 7,
  hibernated: 8,
  inactive: 9,
};
export const byUrgency = (a: Agent, b: Agent): number =>
  ORDER[a.status] - ORDER[b.status] || a.name.localeCompare(b.name);

/** When the agent goes on by itself, and what it then does; undefined when it waits for nothing of the kind. */
export function nextMove({
  next_start_at,
  resume_at,
  breaker,
}: Pick<AgentStatus, 'next_start_at' | 'resume_at' | 'breaker'>): { at: string; words: string } | undefined {
  if (next_start_at !== undefined) return { at: next_start_at, words: 'Starts again in' };
  if (breaker.state === 'open' && breaker.open_until !== undefined) {
    return { at: breaker.open_until, words: 'Gets one more try in' };
  }
  return resume_at === undefined ? undefined : { at: resume_at, words: 'Goes on in' };
}

/** Why the agent cannot take a prompt now; undefined when it can. */
export function whyNoPrompt(agent: AgentStatus & { readonly name: string }): string | undefined {
  if (agent.status === 'inactive') return `${agent.name} is stopped. Start it to talk to it.`;
  if (agent.status === 'failed') return `${agent.name} has failed. Start it again to talk to it.`;
  return agent.status === 'stopping' ? `${agent.name} is stopping.` : undefined;
}

const PROMPT_HINTS: Partial<Record<AgentStatusWord, string>> = {
  busy: 'It will be taken when the running turn ends.',
  waiting: 'It will be taken after the waiting call is decided.',
  parked: 'It will be taken after the waiting call is decided.',
  hibernated: 'This wakes the agent.',
  crashed: 'It will be taken when the agent is back.',
};

/** What a prompt will wait for, when it will not be taken at once. */
export function promptHint(agent: AgentStatus): string | undefined {
  return agent.activity === 'quota' ? 'It will be taken when the agent goes on.' : PROMPT_HINTS[agent.status];
}

export interface Controls {
  readonly start: boolean;
  readonly stop: boolean;
  readonly restart: boolean;
  readonly interrupt: boolean;
  readonly hibernate: boolean;
}

/** Which controls make sense in this state. */
export function controlsOf({ process_state, activity, current_turn_id }: AgentStatus): Controls {
  const up = process_state === 'running' || process_state === 'starting';
  return {
    start:
      process_state === 'stopped' ||
      process_state === 'failed' ||
      process_state === 'hibernated' ||
      process_state === 'backoff',
    stop: process_state !== 'stopped' && process_state !== 'stopping',
    restart: up,
    interrupt: up && current_turn_id !== null,
    hibernate: process_state === 'running' && activity === 'idle' && current_turn_id === null,
  };
}

const STEPS: Handlers<[], string | null> = {
  'turn.started': () => 'Reading the prompt',
  'turn.text_delta': () => 'Writing a reply',
  'turn.text': () => 'Writing a reply',
  'turn.tool_call': ({ payload }) => `Using ${payload.name}`,
  'turn.tool_result': () => 'Reading a result',
  'approval.requested': ({ payload }) => `Asks to use ${payload.approval.tool_name}`,
  'agent.api_retry': ({ payload }) => `Waits for the model, attempt ${payload.attempt} of ${payload.max_retries}`,
  'turn.postponed': () => null,
  'turn.ended': () => null,
};

/** The step an event tells about, in words; null when the agent has come to rest, undefined when it tells of none. */
export const stepOf = (event: AnyNoxEvent): string | null | undefined => handle(STEPS, event);

/** What the agent does now, or why it does not, in a few words; empty when there is nothing to say. */
export function nowWords(agent: AgentStatus, step: string | undefined): string {
  if (agent.status === 'busy') return step ?? 'Working';
  if (agent.status === 'waiting' && agent.pending_approvals > 0) {
    return agent.pending_approvals === 1
      ? 'One call waits for a decision'
      : `${agent.pending_approvals} calls wait for a decision`;
  }
  if (agent.reason !== undefined) return withClockTimes(agent.reason);
  if (agent.breaker.state === 'half_open') return 'On one more try after too many crashes';
  return agent.breaker.state === 'open' ? (agent.breaker.reason ?? 'Left alone after too many crashes') : '';
}
