import { describe, expect, it } from '@jest/globals';
import { refreshCookie, refreshTokenOf } from './refresh-cookie.js';

const origin = 'http://localhost:3000';

describe(refreshCookie.name, () => {
  it('hides the token from scripts and from other sites', () => {
    expect(refreshCookie({ origin }, 'tok', 60)).toBe(
      'nox_refresh=tok; Max-Age=60; Path=/api; HttpOnly; SameSite=Strict',
    );
  });
  it('stays on TLS when the page is', () =>
    expect(refreshCookie({ origin: 'https://nox.example' }, 'tok', 60)).toMatch(/; Secure$/));
  it('takes itself away without a token', () =>
    expect(refreshCookie({ origin }, undefined, 60)).toMatch(/^nox_refresh=; Max-Age=0;/));
});

describe(refreshTokenOf.name, () => {
  it.each([
    ['nox_refresh=a-B_9', 'a-B_9'],
    ['other=1; nox_refresh=tok; more=2', 'tok'],
    ['nox_refresh=tok;other=1', 'tok'],
    ['x_nox_refresh=tok', undefined],
    ['nox_refresh=', undefined],
    ['nox_refresh=a b', undefined],
    [undefined, undefined],
  ])('finds in %p: %p', (cookie, token) => {
    expect(refreshTokenOf({ origin, ...(cookie !== undefined && { cookie }) })).toBe(token);
  });

  it('takes no cookie from a request that no page made', () => {
    expect(() => refreshTokenOf({ cookie: 'nox_refresh=tok' })).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN_ORIGIN' }),
    );
  });
});
