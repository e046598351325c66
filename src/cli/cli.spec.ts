import { describe, expect, it } from '@jest/globals';
import { localUrl } from './cli.js';

describe('the address of a server that nobody named', () => {
  it.each([
    [{}, 'http://127.0.0.1:3000'],
    [{ NOX_PORT: '' }, 'http://127.0.0.1:3000'],
    [{ NOX_PORT: '0' }, 'http://127.0.0.1:3000'],
    [{ NOX_PORT: '4000' }, 'http://127.0.0.1:4000'],
    [{ NOX_PORT: '4000', NOX_HOST: '0.0.0.0' }, 'http://127.0.0.1:4000'],
    [{ NOX_PORT: '4000', NOX_HOST: '::' }, 'http://127.0.0.1:4000'],
    [{ NOX_PORT: '4000', NOX_HOST: '10.0.0.7' }, 'http://10.0.0.7:4000'],
    [{ NOX_PORT: '4000', NOX_HOST: '::1' }, 'http://[::1]:4000'],
  ])('is with %j %s', (env, url) => expect(localUrl(env)).toBe(url));

  it.each(['80 80', '-1', '70000', 'http'])('is not known with the port %j, and that is said', (port) =>
    expect(() => localUrl({ NOX_PORT: port })).toThrow(/NOX_PORT is ".*"; it must be a port/),
  );
});
