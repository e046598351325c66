import { describe, expect, it } from '@jest/globals';
import type { ToolCall, ToolDecision } from '../runtime.js';
import { ToolGate } from './tool-gate.js';

const callOf = (tool_use_id: string, input: Record<string, unknown> = { command: 'ls' }): ToolCall => ({
  tool_use_id,
  tool_name: 'Bash',
  input,
  session_id: null,
  cwd: '/',
  batch_size: 1,
  requires_user_interaction: false,
});
const ALLOW: ToolDecision = { behavior: 'allow' };

/** Answers each question when the spec says so. */
class Asked {
  readonly questions: { call: ToolCall; signal: AbortSignal; answer: (decision: ToolDecision) => void }[] = [];
  readonly ask = (call: ToolCall, signal: AbortSignal): Promise<ToolDecision> =>
    new Promise((answer) => this.questions.push({ call, signal, answer }));
}

describe(ToolGate.name, () => {
  it('asks once for a call that comes by hook and by permission request', async () => {
    const asked = new Asked();
    const gate = new ToolGate(asked.ask);
    const both = [gate.decide('r1', callOf('t')), gate.decide('r2', callOf('t'))];
    asked.questions[0]?.answer(ALLOW);
    await expect(Promise.all(both)).resolves.toEqual([ALLOW, ALLOW]);
    await expect(gate.decide('r3', callOf('t'))).resolves.toEqual(ALLOW);
    expect(asked.questions).toHaveLength(1);
  });

  it('gives an allowed call one run, of that tool and with that input', async () => {
    const decisions: Record<string, ToolDecision> = {
      yes: ALLOW,
      no: { behavior: 'deny', reason: 'no' },
      edited: { behavior: 'allow', updated_input: { command: 'pwd' } },
    };
    const gate = new ToolGate(({ tool_use_id }) => Promise.resolve(decisions[tool_use_id] ?? ALLOW));
    for (const id of Object.keys(decisions)) await gate.decide(id, callOf(id));
    expect(gate.takeRun('yes', 'Read', { command: 'ls' })).toBe(false);
    expect(gate.takeRun('yes', 'Bash', { command: 'rm -rf /' })).toBe(false);
    expect(gate.takeRun('yes', 'Bash', { command: 'ls' })).toBe(true);
    expect(gate.takeRun('yes', 'Bash', { command: 'ls' })).toBe(false);
    expect(gate.takeRun('no', 'Bash', { command: 'ls' })).toBe(false);
    expect(gate.takeRun('edited', 'Bash', { command: 'ls' })).toBe(false);
    expect(gate.takeRun('edited', 'Bash', { command: 'pwd' })).toBe(true);
    expect(gate.takeRun('never asked', 'Bash', { command: 'ls' })).toBe(false);
  });

  it('takes the edited input for the same call', async () => {
    const decision: ToolDecision = { behavior: 'allow', updated_input: { command: 'ls -l' } };
    let count = 0;
    const gate = new ToolGate(() => {
      count += 1;
      return Promise.resolve(decision);
    });
    await gate.decide('r1', callOf('t'));
    await expect(gate.decide('r2', callOf('t', { command: 'ls -l' }))).resolves.toBe(decision);
    expect(count).toBe(1);
  });

  it('does not let an allowed call be used for another input', async () => {
    const asked = new Asked();
    const gate = new ToolGate(asked.ask);
    const first = gate.decide('r1', callOf('t'));
    asked.questions[0]?.answer(ALLOW);
    await first;
    const second = gate.decide('r2', callOf('t', { command: 'rm -rf /' }));
    asked.questions[1]?.answer({ behavior: 'deny', reason: 'no' });
    await expect(second).resolves.toMatchObject({ behavior: 'deny' });
  });

  it('denies when the asked fails, also when it fails at once', async () => {
    const rejecting = new ToolGate(() => Promise.reject(new Error('broken')));
    const throwing = new ToolGate(() => {
      throw new Error('broken');
    });
    for (const gate of [rejecting, throwing]) {
      await expect(gate.decide('r', callOf('t'))).resolves.toEqual({
        behavior: 'deny',
        reason: 'Nox could not decide on this call: broken',
      });
    }
  });

  it('withdraws a question, ignores its late answer, and asks again next time', async () => {
    const asked = new Asked();
    const gate = new ToolGate(asked.ask);
    const first = gate.decide('r1', callOf('t'));
    gate.cancel('r1');
    await expect(first).resolves.toBeUndefined();
    expect(asked.questions[0]?.signal.aborted).toBe(true);
    asked.questions[0]?.answer(ALLOW);
    const second = gate.decide('r2', callOf('t'));
    expect(asked.questions).toHaveLength(2);
    asked.questions[1]?.answer({ behavior: 'deny', reason: 'no' });
    await expect(second).resolves.toMatchObject({ behavior: 'deny' });
  });

  it('does not abort what is decided', async () => {
    const asked = new Asked();
    const gate = new ToolGate(asked.ask);
    const decided = gate.decide('r1', callOf('t'));
    asked.questions[0]?.answer(ALLOW);
    await decided;
    gate.cancel('r1');
    gate.close();
    expect(asked.questions[0]?.signal.aborted).toBe(false);
  });

  it('withdraws everything when it closes, and asks nothing more', async () => {
    const asked = new Asked();
    const gate = new ToolGate(asked.ask);
    const waiting = [gate.decide('r1', callOf('a')), gate.decide('r2', callOf('b'))];
    gate.close();
    await expect(Promise.all([...waiting, gate.decide('r3', callOf('c'))])).resolves.toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(asked.questions.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  });

  it('remembers the newest thousand decisions', async () => {
    let count = 0;
    const gate = new ToolGate(() => {
      count += 1;
      return Promise.resolve(ALLOW);
    });
    for (let n = 0; n <= 1000; n += 1) await gate.decide(`r${n}`, callOf(`t${n}`));
    await gate.decide('again', callOf('t1000'));
    expect(count).toBe(1001);
    await gate.decide('oldest', callOf('t0'));
    expect(count).toBe(1002);
  });
});
