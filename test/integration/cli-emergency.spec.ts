import { afterEach, describe, expect, it } from '@jest/globals';
import { systemOf } from './cli-fixtures.js';
import { type Handlers, nox as run, type RunOptions, startServer } from './cli-support.js';

const STOP = { since: '2026-11-21T11:55:00.000Z', actor: 'ada', reason: 'runaway costs' };

const stopped = (problems: string[] = []): Handlers => ({
  system_emergency_stop: () => ({ emergency_stop: STOP, ended: 2, problems }),
});

describe('nox emergency-stop', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });
  const withServer = async (handlers: Handlers) => {
    const server = await startServer(handlers);
    closers.push(server.close);
    const env = { NOX_URL: server.url, NOX_TOKEN: 'token', HOME: '/nowhere' };
    return { ...server, nox: (argv: string[], options: RunOptions = {}) => run(argv, { ...options, env }) };
  };
  it.each([
    ['emergency-stop', '--reason', 'runaway costs'],
    ['stop', '--all', '--reason', 'runaway costs'],
  ])('asks first, then stops everything: %s %s', async (...argv) => {
    const { nox, calls } = await withServer(stopped());
    expect(await nox(argv, { typed: ['n'] })).toMatchObject({ exit: 1, stderr: expect.stringContaining('Nothing') });
    expect(calls).toEqual([]);
    const done = await nox(argv, { typed: ['y'] });
    expect(done).toMatchObject({ exit: 0, stderr: expect.stringContaining('2 agents ended') });
    expect(calls).toMatchObject([{ route: 'system_emergency_stop', body: { reason: 'runaway costs' } }]);
  });

  it('does nothing when nobody can be asked, unless it was agreed to', async () => {
    const { nox, calls } = await withServer(stopped());
    expect(await nox(['emergency-stop'])).toMatchObject({ exit: 2, stderr: expect.stringContaining('--yes') });
    expect(calls).toEqual([]);
    expect(await nox(['emergency-stop', '--yes', '--json'])).toMatchObject({ exit: 0 });
    expect(calls).toHaveLength(1);
  });

  it('says what did not work, and fails then', async () => {
    const { nox } = await withServer(stopped(['one is still being ended']));
    expect(await nox(['emergency-stop', '--yes'])).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('✕ one is still being ended'),
    });
  });

  it('clears it after showing whose it was', async () => {
    const { nox, calls } = await withServer({
      system_status: () => systemOf({ emergency_stop: STOP }),
      system_emergency_clear: () => ({ emergency_stop: null, ended: 0, problems: [] }),
    });
    const { exit, stderr } = await nox(['emergency-stop', '--clear'], { typed: ['y'] });
    expect(exit).toBe(0);
    expect(stderr).toContain('Clear the emergency stop of ada ("runaway costs")');
    expect(calls.map(({ route }) => route)).toEqual(['system_status', 'system_emergency_clear']);
  });

  it('is shown by nox status', async () => {
    const { nox } = await withServer({ system_status: () => systemOf({ emergency_stop: STOP }) });
    expect((await nox(['status'])).stderr).toContain('nox emergency-stop --clear');
  });

  it('takes no bare stop for a stop of everything', async () => {
    const { nox, calls } = await withServer(stopped());
    expect(await nox(['stop', '--yes'])).toMatchObject({ exit: 2, stderr: expect.stringContaining('nox agent stop') });
    expect(calls).toEqual([]);
  });
});
