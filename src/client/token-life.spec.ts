import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { expiryOf, refreshDelayMs } from './token-life.js';

const jwt = (claims: unknown) => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;

describe(expiryOf.name, () => {
  it('reads the end of a token', () => {
    expect(expiryOf(jwt({ exp: 1_800_000_000, sub: 'ädmin>?' }))).toBe(1_800_000_000_000);
  });

  it('knows nothing of other texts, and never throws', () => {
    expect(expiryOf(jwt({ sub: 'admin' }))).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => expect(expiryOf(`a.${text}.b`)).toBeUndefined()));
  });
});

describe(refreshDelayMs.name, () => {
  it('is 30 s before the end, at least a second from now', () => {
    const token = jwt({ exp: 1000 });
    expect(refreshDelayMs(token, 400_000)).toBe(570_000);
    expect(refreshDelayMs(token, 999_000)).toBe(1000);
    expect(refreshDelayMs('opaque', 0)).toBeUndefined();
  });
});
