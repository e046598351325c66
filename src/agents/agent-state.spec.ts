import { describe, expect, it } from '@jest/globals';
import { Activity, AgentStatusWord, ProcessState } from '../contracts/agent.js';
import { canMove, isLive, statusWord, TRANSITIONS } from './agent-state.js';

describe('agent states', () => {
  it('reaches every state from stopped', () => {
    const reached = new Set<ProcessState>(['stopped']);
    for (let size = 0; size !== reached.size;) {
      size = reached.size;
      for (const state of reached) for (const next of TRANSITIONS[state]) reached.add(next);
    }
    expect([...reached].sort()).toEqual([...ProcessState.options].sort());
  });

  it('can stop from every state in which something may still happen', () => {
    for (const state of ProcessState.options) {
      if (state === 'stopped') continue;
      expect(canMove(state, 'stopped') || canMove(state, 'stopping')).toBe(true);
    }
  });

  it('never goes from a process to a new one without ending the first', () => {
    expect(canMove('running', 'starting')).toBe(false);
    expect(canMove('starting', 'starting')).toBe(false);
  });

  it('has one word for each pair of process state and activity', () => {
    const words = new Set<string>();
    for (const state of ProcessState.options) {
      for (const activity of Activity.options) words.add(statusWord(state, activity));
    }
    expect([...words].sort()).toEqual([...AgentStatusWord.options].sort());
  });

  it('calls live what has a process', () => {
    expect(ProcessState.options.filter(isLive)).toEqual(['starting', 'running', 'stopping']);
  });
});
