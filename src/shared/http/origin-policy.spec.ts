import { describe, expect, it } from '@jest/globals';
import { compileOriginPolicy, judgeOrigin, type OriginVerdict } from './origin-policy.js';

const policy = compileOriginPolicy({
  port: 3000,
  bound_hosts: ['10.0.0.7'],
  allowed_hosts: ['nox.example.com', 'tunnel.example.org:8443'],
  allowed_origins: ['https://tools.example.org/'],
});

const HOSTS: [host: string | undefined, own: boolean][] = [
  ['localhost:3000', true],
  ['127.0.0.1:3000', true],
  ['[::1]:3000', true],
  ['10.0.0.7:3000', true],
  ['nox.example.com', true],
  ['evil.example:3000', false],
  ['localhost:9999', false],
  [undefined, false],
];

const ORIGINS: [origin: string | undefined, own: boolean][] = [
  [undefined, true],
  ['http://localhost:3000', true],
  ['http://127.0.0.1:3000', true],
  ['https://nox.example.com', true],
  ['https://tunnel.example.org:8443', true],
  ['https://tools.example.org', true],
  ['null', false],
  ['', false],
  ['https://evil.example', false],
  ['http://localhost.evil.example', false],
  ['http://localhost:3000.evil.example', false],
  ['http://127.0.0.1:1', false],
];

describe(judgeOrigin.name, () => {
  const table = HOSTS.flatMap(([host, own_host]) =>
    ORIGINS.map(([origin, own_origin]) => {
      const expected: OriginVerdict = !own_host ? 'foreign_host' : own_origin ? 'allowed' : 'foreign_origin';
      return { host, origin, expected };
    }),
  );

  it.each(table)('Host $host with Origin $origin is $expected', ({ host, origin, expected }) => {
    expect(judgeOrigin(policy, { host, origin })).toBe(expected);
  });

  it.each([
    'localhost:3000.',
    'localhost',
    'user@localhost:3000',
    'localhost:3000@evil.example',
    '0.0.0.0:3000',
    'localhost:3000, evil',
  ])('Host %s is foreign', (host) => expect(judgeOrigin(policy, { host })).toBe('foreign_host'));

  it('compares without regard to case', () => {
    expect(judgeOrigin(policy, { host: 'LocalHost:3000', origin: 'HTTP://LOCALHOST:3000' })).toBe('allowed');
  });

  it('knows that a default port is left out', () => {
    const on80 = compileOriginPolicy({ port: 80, bound_hosts: [], allowed_hosts: [], allowed_origins: [] });
    expect(judgeOrigin(on80, { host: 'localhost', origin: 'http://localhost' })).toBe('allowed');
    expect(judgeOrigin(on80, { host: 'localhost:3000' })).toBe('foreign_host');
  });
});
