import { describe, expect, it } from '@jest/globals';
import { includesRole } from './roles.js';

describe(includesRole.name, () => {
  it.each([
    ['viewer', 'viewer', true],
    ['viewer', 'operator', false],
    ['viewer', 'admin', false],
    ['operator', 'viewer', true],
    ['operator', 'operator', true],
    ['operator', 'admin', false],
    ['admin', 'viewer', true],
    ['admin', 'operator', true],
    ['admin', 'admin', true],
  ] as const)('%s for what needs %s: %s', (have, needed, expected) =>
    expect(includesRole(have, needed)).toBe(expected),
  );
});
