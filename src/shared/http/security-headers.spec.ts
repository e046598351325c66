import { describe, expect, it } from '@jest/globals';
import { contentSecurityPolicy } from './security-headers.js';

describe(contentSecurityPolicy.name, () => {
  const directives = new Map(
    contentSecurityPolicy('localhost:3000')
      .split('; ')
      .map((directive) => [directive.split(' ')[0], directive.split(' ').slice(1)]),
  );

  it('runs scripts from files of this server only', () => expect(directives.get('script-src')).toEqual(["'self'"]));
  it('cannot be framed', () => expect(directives.get('frame-ancestors')).toEqual(["'none'"]));
  it('talks to this server only', () => {
    expect(directives.get('connect-src')).toEqual(["'self'", 'ws://localhost:3000', 'wss://localhost:3000']);
  });
});
