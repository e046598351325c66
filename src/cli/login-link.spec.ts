import { describe, expect, it } from '@jest/globals';
import { parseLoginLink } from './login-link.js';

const token = 'AAAAAAAA_bbbbbbbb-cccc';

describe(parseLoginLink.name, () => {
  it('reads the whole link, or the token alone', () => {
    expect(parseLoginLink(` http://127.0.0.1:3000/login#link=${token}\n`)).toEqual({
      origin: 'http://127.0.0.1:3000',
      token,
    });
    expect(parseLoginLink(token)).toEqual({ origin: undefined, token });
  });

  it.each(['', 'short', 'http://127.0.0.1:3000/login', 'http://127.0.0.1:3000/login#link='])('refuses %j', (text) =>
    expect(() => parseLoginLink(text)).toThrow('no login link'),
  );
});
