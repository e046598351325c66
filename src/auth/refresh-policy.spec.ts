import { describe, expect, it } from '@jest/globals';
import { GRACE_MS, judgeRefresh } from './refresh-policy.js';

const now = 1_000_000;
const row = { expires_ms: now + 1, used_ms: null, revoked: 0 };

describe(judgeRefresh.name, () => {
  it.each([
    ['unknown', undefined, undefined, 'refuse'],
    ['fresh', row, undefined, 'rotate'],
    ['expired', { ...row, expires_ms: now }, undefined, 'refuse'],
    ['of an ended login', { ...row, revoked: 1 }, undefined, 'refuse'],
    ['used just now', { ...row, used_ms: now }, row, 'repeat'],
    ['used at the end of the grace', { ...row, used_ms: now - GRACE_MS }, row, 'repeat'],
    ['used before the grace', { ...row, used_ms: now - GRACE_MS - 1 }, row, 'reuse'],
    ['used just now, and its successor too', { ...row, used_ms: now }, { ...row, used_ms: now }, 'reuse'],
    ['used just now, its successor unknown', { ...row, used_ms: now }, undefined, 'reuse'],
    ['used and of an ended login', { ...row, used_ms: now, revoked: 1 }, row, 'refuse'],
  ] as const)('a token that is %s', (_, token, successor, verdict) => {
    expect(judgeRefresh(token, successor, now)).toBe(verdict);
  });
});
