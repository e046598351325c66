import { describe, expect, it } from '@jest/globals';
import { VerifiedTokens } from './verified-tokens.js';

const claims = (family: string, expires_at_ms = 1000) => ({ username: 'admin', family, expires_at_ms });

describe(VerifiedTokens.name, () => {
  it('forgets at the expiry, to the millisecond', () => {
    const tokens = new VerifiedTokens();
    tokens.add('t', claims('f'));
    expect(tokens.get('t', 999)).toEqual(claims('f'));
    expect(tokens.get('t', 1000)).toBeUndefined();
    expect(tokens.get('t', 0)).toBeUndefined();
  });

  it('forgets a whole family at once, and no other', () => {
    const tokens = new VerifiedTokens();
    tokens.add('a', claims('one'));
    tokens.add('b', claims('one'));
    tokens.add('c', claims('two'));
    tokens.forget('one');
    expect(['a', 'b', 'c'].map((t) => tokens.get(t, 0)?.family)).toEqual([undefined, undefined, 'two']);
  });

  it('drops the one not used for longest when it is full', () => {
    const tokens = new VerifiedTokens(2);
    tokens.add('a', claims('a'));
    tokens.add('b', claims('b'));
    tokens.get('a', 0);
    tokens.add('c', claims('c'));
    expect(['a', 'b', 'c'].map((t) => tokens.get(t, 0)?.family)).toEqual(['a', undefined, 'c']);
  });
});
