import { describe, expect, it } from '@jest/globals';
import * as check from './checks.js';

describe('nodeCheck', () => {
  it.each([
    ['v24.21.0', 'ok'],
    ['v22.22.0', 'ok'],
    ['v22.21.9', 'fail'],
    ['v20.20.2', 'fail'],
  ])('%s is %s', (version, result) => expect(check.nodeCheck(version).result).toBe(result));
});

describe('gitCheck', () => {
  it.each([
    ['git version 2.39.5\n', 'ok'],
    ['git version 3.0.0', 'ok'],
    ['git version 2.20.1 (Apple Git-117)', 'warn'],
    [undefined, 'fail'],
  ])('%j is %s', (output, result) => expect(check.gitCheck(output).result).toBe(result));
});

describe('claudeCheck', () => {
  it('fails with the remedy when there is none, and warns of an old one', () => {
    expect(check.claudeCheck('not found')).toMatchObject({ result: 'fail', detail: 'not found' });
    const found = { path: '/bin/claude', version: '2.1.1', warning: null };
    expect(check.claudeCheck(found)).toMatchObject({ result: 'ok', detail: '2.1.1 at /bin/claude' });
    expect(check.claudeCheck({ ...found, warning: 'too old' })).toMatchObject({ result: 'warn', detail: 'too old' });
  });
});

describe('folderCheck', () => {
  const facts = { path: '/x/.nox', mode: 0o40700, writable: true };
  it.each([
    [facts, true, 'ok'],
    [{ ...facts, mode: 0o40755 }, true, 'fail'],
    [{ ...facts, mode: 0o40755 }, false, 'ok'],
    [{ ...facts, mode: 0o40777 }, false, 'fail'],
    [{ ...facts, mode: undefined }, true, 'ok'],
    [{ ...facts, mode: undefined, writable: false }, true, 'fail'],
  ])('%j, private %s: %s', (given, private_only, result) =>
    expect(check.folderCheck('home', given, private_only).result).toBe(result),
  );
});

describe('the other checks', () => {
  it('want logins to be private', () => {
    expect(check.credentialsCheck('/c', 0o100600).result).toBe('ok');
    expect(check.credentialsCheck('/c', 0o100640)).toMatchObject({ result: 'fail' });
    expect(check.credentialsCheck('/c', undefined).result).toBe('ok');
  });

  it('warn where agents can outlive their end', () => {
    expect(check.isolationCheck({ rung: 'pid-namespace', promise: 'p' }).result).toBe('ok');
    for (const rung of ['cgroup', 'process-group'] as const) {
      expect(check.isolationCheck({ rung, promise: 'p' }).result).toBe('warn');
    }
  });

  it('do not mind that the server does not run', () => {
    const url = 'http://x';
    const answers = [
      [{ error: 'nobody' }, 'warn'],
      [{ status: 'ok', version: '1', gate: 'proven' }, 'ok'],
      [{ status: 'degraded', version: '1', gate: 'proven' }, 'warn'],
      [{ status: 'failed', version: '1', gate: 'refused' }, 'fail'],
    ] as const;
    for (const [answer, result] of answers) expect(check.serverCheck({ url, answer }).result).toBe(result);
    const queue = (answer: check.ServerFacts['answer'], redis?: string) => {
      const { result, detail } = check.queueCheck({ url, answer }, redis);
      return `${result}: ${detail}`;
    };
    const up = { status: 'ok', version: '1', gate: 'proven' } as const;
    expect(queue({ error: 'nobody' })).toBe('ok: messages wait in the journal (SQLite), when started from here');
    expect(queue({ error: 'nobody' }, 'redis://x')).toContain('ok: messages wait on Redis');
    expect(queue({ ...up, queue: { adapter: 'sqlite', available: true } }, 'redis://x')).toContain('journal');
    expect(queue({ ...up, queue: { adapter: 'redis', available: false } })).toContain('fail: messages wait on Redis');
    expect(check.loginCheck({ kind: 'unknown', reason: 'nobody' }).result).toBe('warn');
    expect(check.loginCheck({ kind: 'none' }).result).toBe('warn');
    expect(check.loginCheck({ kind: 'refused' }).result).toBe('fail');
    expect(check.loginCheck({ kind: 'valid', user: 'a', role: 'admin' }).detail).toBe('a (admin)');
  });

  it('say whether the Claude CLI can be trusted to ask', () => {
    const gate = (state: 'proven' | 'proving' | 'unproven' | 'refused') =>
      check.gateCheck({ url: 'http://x', answer: { status: 'ok', version: '1', gate: state } }).result;
    expect([gate('proven'), gate('proving'), gate('unproven'), gate('refused')]).toEqual(['ok', 'ok', 'warn', 'fail']);
    expect(check.gateCheck({ url: 'http://x', answer: { error: 'nobody' } }).result).toBe('ok');
  });

  it('say which profiles there are, and by what they are kept', () => {
    const { profilesCheck } = check;
    const scout = (id: string, filesystem: 'os' | 'gate'): Exclude<check.ProfileFacts, string>[number] => ({
      id,
      permissions: { filesystem: 'ro', network: 'limited', hosts: ['a.org'], tools: { deny: ['Task'] } },
      permissions_kept_by: { filesystem, network: 'gate', detail: '' },
    });
    expect(profilesCheck([scout('a', 'os'), { id: 'free' }, scout('b', 'os')])).toEqual({
      name: 'profiles',
      result: 'ok',
      detail:
        'a, b: files ro (system and gate), network limited to a.org (gate only), never Task (gate only); 1 of 3 agents without one',
    });
    expect(profilesCheck([scout('a', 'gate')])).toMatchObject({
      result: 'warn',
      remedy: expect.stringContaining('namespaces'),
    });
    expect(profilesCheck('no login')).toMatchObject({ result: 'ok', detail: 'not looked at: no login' });
  });

  it('decide together', () => {
    const [good, poor, bad] = [
      check.nodeCheck('v24.0.0'),
      check.loginCheck({ kind: 'none' }),
      check.gitCheck(undefined),
    ];
    expect(check.isWell([good, poor])).toBe(true);
    expect(check.isWell([good, bad])).toBe(false);
  });
});
