import { describe, expect, it } from '@jest/globals';
import { Attention } from '../../contracts/attention.js';
import { expiryOf, planNotices, retryAt } from './ladder.js';

const at = (text: string): number => new Date(`2026-03-03T${text}:00`).getTime();
const words = (ms: number): string => {
  const date = new Date(ms);
  return `${date.getDate()} ${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
};
const night = { from: '22:00', to: '07:00' };

describe('the ladder of attention', () => {
  const attention = Attention.parse({
    quiet_hours: night,
    urgent_risk: 'critical',
    smtp: { host: 'mail.example.org', from: 'nox@example.org' },
    steps: [
      { id: 'hook', via: 'webhook', url: 'http://127.0.0.1/', secret: 'file:hook' },
      { id: 'boss', via: 'email', to: ['boss@example.org'], after_s: 1800, min_risk: 'high' },
    ],
  });

  it('tells each step at its time, from its risk on', () => {
    const plan = (risk_level: 'medium' | 'high' | 'critical', time: string) =>
      planNotices(attention, { risk_level, requested_ms: at(time) }).map(
        ({ step_id, due_ms }) => `${step_id} ${words(due_ms)}`,
      );
    expect(plan('medium', '12:00')).toEqual(['hook 3 12:00']);
    expect(plan('high', '12:00')).toEqual(['hook 3 12:00', 'boss 3 12:30']);
    expect(plan('high', '21:45')).toEqual(['hook 3 21:45', 'boss 4 07:00']);
    expect(plan('high', '23:00')).toEqual(['hook 4 07:00', 'boss 4 07:30']);
    expect(plan('critical', '23:00')).toEqual(['hook 3 23:00', 'boss 3 23:30']);
  });

  it('denies nothing in the night that nobody was told of, but what is urgent', () => {
    const end = (risk: 'high' | 'critical', time: string) => words(expiryOf(attention, risk, at(time), 3600));
    expect(end('high', '12:00')).toBe('3 13:00');
    expect(end('high', '21:45')).toBe('4 07:45');
    expect(end('high', '23:00')).toBe('4 08:00');
    expect(end('critical', '23:00')).toBe('4 00:00');
    expect(words(expiryOf(undefined, 'high', at('23:00'), 3600))).toBe('4 00:00');
  });

  it('tries again later and later, up to ten minutes', () => {
    expect([1, 2, 3, 20].map((attempts) => retryAt(attempts, 0, 0.5))).toEqual([5000, 10_000, 20_000, 600_000]);
    expect(retryAt(1, 0, 0)).toBe(3750);
  });
});
