import type { Activity, AgentStatusWord, ProcessState } from '../contracts/agent.js';

/** Which state may follow which. `stopping` leads to `starting` when a restart was asked for. */
export const TRANSITIONS: Readonly<Record<ProcessState, readonly ProcessState[]>> = {
  stopped: ['starting', 'failed', 'hibernated'],
  starting: ['running', 'stopping', 'backoff', 'failed', 'stopped', 'hibernated'],
  running: ['stopping', 'backoff', 'failed', 'hibernated'],
  stopping: ['stopped', 'hibernated', 'starting', 'failed'],
  backoff: ['starting', 'stopped', 'failed', 'hibernated'],
  hibernated: ['starting', 'stopped', 'failed'],
  failed: ['starting', 'stopped'],
};

export const canMove = (from: ProcessState, to: ProcessState): boolean => TRANSITIONS[from].includes(to);

/** States in which a process of the agent exists, or is about to. */
export const isLive = (state: ProcessState): boolean =>
  state === 'starting' || state === 'running' || state === 'stopping';

/** States from which a prompt can still reach the agent without a person: now, or when it is awake. */
export const canTakePrompts = (state: ProcessState): boolean => state !== 'stopped' && state !== 'failed';

/** Whether nothing is under way in the process: it may sleep or be replaced without loss. */
export const isAtRest = (activity: Activity): boolean =>
  activity === 'idle' || activity === 'quota' || activity === 'parked';

const ACTIVITY_WORDS: Readonly<Record<Activity, AgentStatusWord>> = {
  idle: 'idle',
  working: 'busy',
  waiting_approval: 'waiting',
  waiting_input: 'waiting',
  parked: 'parked',
  quota: 'parked',
};

/** The one word for people (DESIGN 4). */
export function statusWord(state: ProcessState, activity: Activity): AgentStatusWord {
  switch (state) {
    case 'stopped':
      return 'inactive';
    case 'backoff':
      // It waits for quota, not because of a fault of its own.
      return activity === 'quota' ? 'parked' : 'crashed';
    case 'running':
      return ACTIVITY_WORDS[activity];
    case 'starting':
    case 'stopping':
    case 'hibernated':
    case 'failed':
      return state;
  }
}
