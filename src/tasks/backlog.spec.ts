import { describe, expect, it } from '@jest/globals';
import { tasksBehind } from './backlog.js';

const task = (id: string, agent_id: string, dependencies: string[] = [], from_agent: string | null = null) => ({
  id,
  agent_id,
  dependencies,
  from_agent,
  status: 'todo' as const,
});

describe('what waits behind an agent', () => {
  it('counts its tasks, all that depend on them, and the other agents that wait for those', () => {
    const open = [
      task('t-1', 'worker', [], 'lead'),
      task('t-2', 'tester', ['t-1']),
      task('t-3', 'writer', ['t-2'], 'worker'),
      task('t-4', 'writer', ['t-9']),
    ];
    expect(tasksBehind('worker', open)).toEqual({ tasks: 3, agents: new Set(['lead', 'tester', 'writer']) });
    expect(tasksBehind('writer', open)).toEqual({ tasks: 2, agents: new Set(['worker']) });
    expect(tasksBehind('nobody', open)).toEqual({ tasks: 0, agents: new Set() });
  });

  it('ends where tasks wait for each other', () => {
    expect(tasksBehind('one', [task('t-1', 'one', ['t-2']), task('t-2', 'two', ['t-1'])]).tasks).toBe(2);
  });
});
