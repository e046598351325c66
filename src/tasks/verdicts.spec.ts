import { describe, expect, it } from '@jest/globals';
import type { Evidence } from '../contracts/task.js';
import { EMPTY } from './ingest.js';
import type { KeptTask } from './model.js';
import { agendaOf } from './schedule.js';
import { afterProof, afterTurn, begun, toGoOn } from './verdicts.js';

const NOW = '2026-11-29T12:00:00.000Z';
const POLICY = { max_attempts: 3, initial_ms: 1000, max_ms: 60_000 };
const LIMITS = { max_attempts: 3, can_work: true };
const task = (over: Partial<KeptTask> = {}): KeptTask => ({
  ...EMPTY,
  id: 't-one',
  agent_id: 'worker',
  title: 'One',
  requested_by: 'admin',
  created_at: NOW,
  updated_at: NOW,
  ...over,
});
const working = (over: Partial<KeptTask> = {}) =>
  task({ status: 'in_progress', turn_id: 'trn_1', attempts: 1, ...over });
const ended = (status: 'complete' | 'error' | 'interrupted' | 'cancelled', reason: string | null = null) => ({
  status,
  reason,
  text: 'the result',
});
const none = new Map<string, KeptTask>();
const evidence = (passed: boolean): Evidence => ({
  passed,
  started_at: NOW,
  ended_at: NOW,
  results: [
    { command: 'npm test', exit_code: passed ? 0 : 1, passed, timed_out: false, output: 'words', duration_ms: 5 },
  ],
});

describe(afterTurn.name, () => {
  it('takes the word of an agent only where nothing is to be proved', () => {
    const turn = ended('complete');
    expect(afterTurn(working(), turn, none, POLICY, NOW)).toMatchObject({ status: 'done', result: 'the result' });
    expect(afterTurn(working({ accept: ['npm test'] }), turn, none, POLICY, NOW)).toMatchObject({
      status: 'in_progress',
      proof: 'running',
      completed_at: null,
    });
  });

  it('tries again after a crash, later each time, and then gives up', () => {
    const crash = ended('interrupted', 'the process ended with code 1');
    expect(afterTurn(working(), crash, none, POLICY, NOW)).toMatchObject({
      status: 'todo',
      next_try_at: '2026-11-29T12:00:01.000Z',
    });
    expect(afterTurn(working({ attempts: 2 }), crash, none, POLICY, NOW)).toMatchObject({
      status: 'todo',
      next_try_at: '2026-11-29T12:00:02.000Z',
    });
    expect(afterTurn(working({ attempts: 3 }), crash, none, POLICY, NOW)).toMatchObject({
      status: 'failed',
      reason: 'the process ended with code 1 (3 attempts)',
    });
  });

  it('leaves to a person what a person has interrupted, and does not count a turn that never ran', () => {
    const interrupted = afterTurn(working(), ended('interrupted', 'interrupted by admin'), none, POLICY, NOW);
    expect(interrupted).toMatchObject({ status: 'todo', held: true, attempts: 0 });
    expect(afterTurn(working(), ended('cancelled', 'the agent was stopped'), none, POLICY, NOW)).toMatchObject({
      status: 'todo',
      held: false,
      attempts: 0,
    });
  });

  it('waits for a part that was given away meanwhile, and goes on when its result is not read yet', () => {
    const part = task({ id: 't-part', status: 'in_progress' });
    const whole = working({ dependencies: ['t-part'] });
    const turn = ended('complete');
    const waits = afterTurn(whole, turn, new Map([['t-part', part]]), POLICY, NOW);
    expect(waits).toMatchObject({ status: 'blocked', reason: 'waits for t-part' });
    const done = new Map([['t-part', { ...part, status: 'done' as const }]]);
    expect(afterTurn(whole, turn, done, POLICY, NOW).status).toBe('todo');
    expect(afterTurn({ ...whole, told: ['t-part'] }, turn, done, POLICY, NOW).status).toBe('done');
  });
});

describe(afterProof.name, () => {
  const proving = working({ accept: ['npm test'], proof: 'running', turn_id: null });

  it('makes a task done only by what was seen', () => {
    expect(afterProof(proving, evidence(true), LIMITS, NOW)).toMatchObject({
      task: { status: 'done', proof: 'passed', completed_at: NOW, reason: null },
      again: false,
    });
  });

  it('sends it back with the evidence, so often as is allowed', () => {
    const back = afterProof(proving, evidence(false), LIMITS, NOW);
    expect(back).toMatchObject({
      task: { status: 'in_progress', proof: 'failed', reason: 'the acceptance failed: npm test' },
      again: true,
    });
    expect(toGoOn(back.task)).toBe(true);
    expect(toGoOn(begun(back.task, {}, NOW))).toBe(false);
    const last = afterProof({ ...proving, attempts: 3 }, evidence(false), LIMITS, NOW);
    expect(last).toMatchObject({ task: { status: 'failed', completed_at: NOW }, again: false });
  });

  it('leaves it where it is when a person had said that it is done', () => {
    const moved = afterProof(task({ accept: ['npm test'], proof: 'running' }), evidence(false), LIMITS, NOW);
    expect(moved).toMatchObject({ task: { status: 'todo', held: true, proof: 'failed' }, again: false });
    expect(toGoOn(moved.task)).toBe(false);
  });
});

describe(agendaOf.name, () => {
  it('looks at what comes first, and tells a deadline once', () => {
    const at = (minute: number) => `2026-11-29T12:0${minute}:00.000Z`;
    const all = [
      task({ deadline: at(5) }),
      task({ id: 't-two', agent_id: 'other', next_try_at: at(3) }),
      task({ id: 't-over', status: 'done', deadline: at(1) }),
    ];
    const agenda = (minute: number) => agendaOf(new Map(all.map((each) => [each.id, each])), Date.parse(at(minute)));
    expect(agenda(0)).toEqual({ owners: new Set(['worker', 'other']), overdue: [], next_ms: Date.parse(at(3)) });
    expect(agenda(6)).toMatchObject({ overdue: ['t-one'], next_ms: undefined });
    all[0] = { ...task({ deadline: at(5) }), overdue_told: at(5) };
    expect(agenda(6).overdue).toEqual([]);
  });
});
