import { describe, expect, it } from '@jest/globals';
import { owedEnd } from './owed-end.js';

const turn = (status: 'complete' | 'error' | 'interrupted' | 'cancelled' | 'queued', reason: string | null = null) => ({
  status,
  reason,
});

describe(owedEnd, () => {
  it('acks what was read by a turn whose end is in the journal', () => {
    for (const status of ['complete', 'error'] as const)
      expect(owedEnd({ turn: turn(status), was_read: true, prompt_uuid: 'u' })).toEqual({ kind: 'read' });
  });

  it('does not ack a steered message that the turn ended without', () => {
    expect(owedEnd({ turn: turn('complete'), was_read: false, prompt_uuid: 'u' }).kind).toBe('died');
  });

  it('drops what a person has ended', () => {
    expect(owedEnd({ turn: turn('interrupted', 'interrupted'), was_read: true, prompt_uuid: 'u' }).kind).toBe(
      'dropped',
    );
    expect(owedEnd({ turn: turn('cancelled', 'by ann'), was_read: true, prompt_uuid: 'u' })).toEqual({
      kind: 'dropped',
      reason: 'by ann',
    });
  });

  it('hands over again what was under way, and counts it only when a prompt may have gone out', () => {
    const cut = turn('interrupted', 'Nox ended while this turn ran');
    expect(owedEnd({ turn: cut, was_read: true, prompt_uuid: 'u' }).kind).toBe('died');
    expect(owedEnd({ turn: turn('queued'), was_read: true, prompt_uuid: 'u' }).kind).toBe('died');
    expect(owedEnd({ turn: undefined, was_read: false, prompt_uuid: 'u' }).kind).toBe('died');
    expect(owedEnd({ turn: undefined, was_read: false, prompt_uuid: null }).kind).toBe('put_back');
  });
});
