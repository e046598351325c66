import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readRemote } from '../../contracts/remote-url.js';

describe('readRemote', () => {
  it.each([
    ['https://github.com/me/nox.git', 'https'],
    ['https://git.example:8443/a/b', 'https'],
    ['http://127.0.0.1:3000/r.git', 'http'],
    ['ssh://git@git.example:22/me/nox.git', 'ssh'],
    ['git@github.com:me/nox.git', 'ssh'],
    ['file:///srv/nox.git', 'file'],
    ['/srv/nox.git', 'file'],
  ])('takes %s', (url, protocol) => {
    expect(readRemote(url)).toEqual({ protocol, url });
  });

  it.each([
    'ext::sh -c touch% /tmp/pwn',
    'fd::17/foo',
    '--upload-pack=touch /tmp/pwn',
    '-oProxyCommand=x',
    'ssh://-oProxyCommand=x/y',
    'ssh://git@-oProxyCommand=x/y',
    '-x@host:path',
    'git@host:-path',
    'http://example.com/r.git',
    'git://example.com/r.git',
    'ftp://example.com/r.git',
    'https://me:token@github.com/r.git',
    'https://token@github.com/r.git',
    'relative/path',
    '../up',
    '/srv/../etc',
    'https://github.com/a b',
    'https://github.com/a\nb',
    'https://github.com/a?x=1',
    'C:\\repo',
    'host:path',
  ])('refuses %j in words', (url) => {
    expect(typeof readRemote(url)).toBe('string');
  });

  it('takes nothing that git could read as an option, a helper or a login (50,000 texts)', () => {
    const nasty = fc.string({
      unit: fc.constantFrom(...'-:/@.~=%+ \n"\'`$;ext:sgithp1a[]\\'.split('')),
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.oneof(nasty, fc.webUrl(), fc.string()), (text) => {
        const read = readRemote(text);
        if (typeof read === 'string') return;
        expect(read.url).toMatch(/^(?:https:|http:|ssh:|file:|\/|[a-z_][\w.-]*@)/i);
        // A host is an option when it begins with "-"; in a path the same letters are harmless.
        expect(read.url).not.toMatch(/::(?!1\])|\s|["'`$;\\]|^(?:[a-z]+:\/\/)?[^/:]*@-|^[a-z]+:\/\/-|^[^/]*:-/);
        if (read.protocol === 'https') expect(read.url).not.toMatch(/^https:\/\/[^/]*@/);
      }),
      { numRuns: 50_000 },
    );
  });
});
