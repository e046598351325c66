import { expect, it } from '@jest/globals';
import type { Turn } from '../contracts/turn.js';
import { ManualClock } from '../shared/clock.js';
import { NoMail } from './mail.js';
import { type PumpParts, TurnPump } from './turn-pump.js';

it.each([
  ['ended nothing', () => Promise.resolve()],
  ['was not answered in time', () => Promise.reject(new Error('no answer'))],
])('regression: says an interrupt again that %s, until the turn has ended', async (_, answer) => {
  const clock = new ManualClock();
  let said = 0;
  const interrupt = () => {
    said += 1;
    return answer();
  };
  const fleet = { get: () => ({ session: { interrupt }, setActivity: () => undefined }) };
  const lost = () => undefined;
  const pump = new TurnPump({ clock, fleet, lost, mail: () => new NoMail() } as unknown as PumpParts);
  const turn = pump.reopen('worker', { id: 'trn_1', blocks: [], source: 'user' } as unknown as Turn);
  await pump.interrupt('worker', turn).catch(() => undefined);
  expect(said).toBe(1);
  clock.advance(2000);
  expect(said).toBe(2);
  pump.close('worker');
  await Promise.resolve();
  clock.advance(60_000);
  expect(said).toBe(2);
});
