import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Activity, AgentStatusWord, ProcessState } from '../../src/contracts/agent.js';
import { endStopping, produce, startPatient, STATES } from '../support/agent-states.js';
import { type NoxServer, ROOT } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** The hunt for lies: each state is produced on purpose, and everybody who tells states is asked (browser: agent-states). */
describe('the states of agents, by API and command line', () => {
  let nox: NoxServer;
  const run = async (...args: string[]): Promise<string> => {
    const child = spawn(join(ROOT, 'bin', 'nox'), ['agent', ...args], {
      cwd: nox.workspace,
      env: { PATH: process.env['PATH'], HOME: nox.dir.path, NOX_URL: nox.url, NOX_TOKEN: nox.access_token },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return Buffer.concat(await child.stdout.toArray()).toString();
  };

  beforeAll(async () => {
    nox = await startPatient();
    await Promise.all(STATES.map((state) => produce(nox, state)));
  });
  afterAll(async () => {
    await endStopping(nox);
    await nox.close();
  });

  it('has a case for every state there is', () => {
    const missing = (all: readonly string[], shown: readonly string[]) => all.filter((each) => !shown.includes(each));
    expect({
      process_state: missing(
        ProcessState.options,
        STATES.map((each) => each.process_state),
      ),
      activity: missing(
        Activity.options,
        STATES.map((each) => each.activity),
      ),
      status: missing(
        AgentStatusWord.options,
        STATES.map((each) => each.status),
      ),
    }).toEqual({ process_state: [], activity: [], status: [] });
  });

  it.each(STATES)('$id: the API tells both axes, since when, and a process where there is one', async (state) => {
    const { id, status, process_state, activity } = state;
    const told = await nox.call('agents_get', { params: { id } });
    expect(told).toMatchObject({ status, process_state, activity });
    const { agents } = await nox.call('agents_list', { query: { limit: 500 } });
    expect(agents.find((each) => each.id === id)).toMatchObject({ status, process_state, activity });
    const has_process = ['running', 'starting', 'stopping'].includes(process_state);
    expect(told.pid !== null).toBe(has_process);
    if (told.pid !== null) expect(() => process.kill(told.pid ?? 0, 0)).not.toThrow();
    for (const at of [told.process_state_since, told.activity_since])
      expect(Date.parse(at)).toBeLessThan(Date.now() + 1);
    if (['crashed', 'failed', 'parked'].includes(status)) expect(told.reason).toEqual(expect.stringMatching(/\w/));
    expect(told.next_start_at !== undefined).toBe(process_state === 'backoff');
    expect(told.resume_at !== undefined).toBe(status === 'parked');
    expect(told.breaker.state).toBe(process_state === 'failed' ? 'open' : 'closed');
  });

  it('ls, show and top say the same', async () => {
    const [ls, top, ...shown] = await Promise.all([
      run('ls'),
      run('top'),
      ...STATES.map(async ({ id }) => run('show', id)),
    ]);
    for (const [at, { id, status }] of STATES.entries()) {
      const line = (text: string) => text.split('\n').find((each) => each.trim().split(/\s+/)[0] === id) ?? '';
      expect({ id, ls: line(ls), top: line(top), show: shown[at] }).toEqual({
        id,
        ls: expect.stringContaining(status),
        top: expect.stringContaining(status),
        show: expect.stringMatching(new RegExp(`status\\s.*${status}`)),
      });
    }
  });

  it('a process that is killed behind its back is not said to run', async () => {
    const { pid } = await nox.call('agents_status', { params: { id: 'idle' } });
    process.kill(pid ?? 0, 'SIGKILL');
    const told = await eventually('it is said', async () => {
      const now = await nox.call('agents_status', { params: { id: 'idle' } });
      return now.pid === pid ? undefined : now;
    });
    expect(told.restart_count + (told.process_state === 'backoff' ? 1 : 0)).toBe(1);
  });
});
