import { describe, expect, it } from '@jest/globals';
import { ApprovalStatus } from '../contracts/approval.js';
import { canEndAs, isEnd, staleEnding, TRANSITIONS } from './approval-state.js';

describe('approval states', () => {
  it('know every status of the contract', () => {
    expect(Object.keys(TRANSITIONS).sort()).toEqual([...ApprovalStatus.options].sort());
  });

  it('reach every end from pending; only a word that was never told leaves an end', () => {
    const ends = ApprovalStatus.options.filter(isEnd);
    expect([...TRANSITIONS.pending].sort()).toEqual([...ends, 'parked'].sort());
    expect([...TRANSITIONS.parked].sort()).toEqual([...ends, 'pending'].sort());
    for (const end of ends) expect(TRANSITIONS[end]).toEqual(end === 'approved' || end === 'denied' ? ['parked'] : []);
    for (const end of ends) expect(canEndAs('pending', end)).toBe(true);
  });

  it('call a request stale from the moment of its expiry, or when nobody waits', () => {
    expect(staleEnding(100, 99, true)).toBeNull();
    expect(staleEnding(100, 100, true)).toMatchObject({ status: 'expired', decided_by: 'nox' });
    expect(staleEnding(100, 100, false)).toMatchObject({ status: 'expired' });
    expect(staleEnding(100, 99, false)).toMatchObject({ status: 'cancelled', decided_by: 'nox' });
  });
});
