import { describe, expect, it } from '@jest/globals';
import { assertBindAllowed } from './bind.js';

describe(assertBindAllowed.name, () => {
  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('lets %s be', (host) => {
    expect(() => assertBindAllowed(host, { insecure_bind: false })).not.toThrow();
  });

  it.each(['0.0.0.0', '::', '10.0.0.7', 'nox.example.com', '127.0.0.1.evil.example', ''])(
    'refuses %p without the flag',
    (host) => {
      expect(() => assertBindAllowed(host, { insecure_bind: false })).toThrow(/insecure_bind = true/);
      expect(() => assertBindAllowed(host, { insecure_bind: true })).not.toThrow();
    },
  );
});
