import { describe, expect, it } from '@jest/globals';
import { NoxApiError } from '../client/api-error.js';
import { ERRORS } from '../contracts/errors.js';
import { Cli, normalUrl } from './cli.js';
import { CliError, Exit, usageError } from './cli-error.js';
import { exitOf, report } from './report.js';

function told(error: unknown, json = false) {
  let stderr = '';
  const cli = new Cli(
    {
      env: {},
      cwd: '/',
      stdin: process.stdin,
      stdout: { write: () => true },
      stderr: { write: (text) => (stderr += text) },
      now: () => 0,
      onInterrupt: () => () => {},
    },
    { json },
    async () => {
      throw new Error('no server here');
    },
  );
  return { exit: report(error, cli), stderr };
}

describe(report.name, () => {
  it('takes the exit status of every code from the error table', () => {
    for (const [code, row] of Object.entries(ERRORS)) {
      expect(told(new NoxApiError({ code, message: 'm', status: row.status })).exit).toBe(row.exit);
    }
    expect(exitOf('NEWER_THAN_THIS')).toBe(1);
    expect(exitOf('toString')).toBe(1);
  });

  it('makes hostile words of a server harmless', () => {
    const error = new NoxApiError({ code: 'NOT_FOUND', message: 'no\u001b[2J', status: 404 });
    expect(told(error)).toEqual({ exit: 3, stderr: 'nox: no␛[2J\n' });
  });

  it('tells mistakes of the caller, of the system and of its own apart', () => {
    expect(told(usageError('what?'))).toEqual({ exit: 2, stderr: 'nox: what?\n' });
    expect(told(Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' })).exit).toBe(2);
    expect(told(new TypeError('oops'))).toMatchObject({ exit: 1, stderr: expect.stringContaining('please report') });
    expect(told(new Exit(130))).toEqual({ exit: 130, stderr: '' });
  });

  it('tells them as JSON', () => {
    const { stderr } = told(new CliError('STORAGE_FAILED', 'full', { path: '/x' }), true);
    expect(JSON.parse(stderr)).toEqual({ error: { code: 'STORAGE_FAILED', message: 'full', details: { path: '/x' } } });
  });
});

describe(normalUrl.name, () => {
  it.each([
    ['http://127.0.0.1:3000/', 'http://127.0.0.1:3000'],
    ['box:4000', 'http://box:4000'],
    ['https://Box.example/nox/', 'https://box.example/nox'],
  ])('%s is %s', (text, url) => expect(normalUrl(text)).toBe(url));

  it.each(['ftp://box', 'http://', 'file:///etc/passwd', ''])('refuses %j', (text) =>
    expect(() => normalUrl(text)).toThrow('no address'),
  );
});
