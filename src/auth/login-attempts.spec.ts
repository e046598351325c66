import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../shared/clock.js';
import { LoginAttempts } from './login-attempts.js';

const setUp = () => {
  const clock = new ManualClock();
  const attempts = new LoginAttempts(clock);
  return { clock, attempts, try_: (key = 'a') => attempts.increment(key, 60_000, 2) };
};

describe(LoginAttempts.name, () => {
  it('blocks what is over the limit, until the oldest attempt is a window old', async () => {
    const { clock, try_ } = setUp();
    await try_();
    clock.advance(20_000);
    await try_();
    await expect(try_()).resolves.toMatchObject({ isBlocked: true, timeToBlockExpire: 40 });
    await expect(try_('b')).resolves.toMatchObject({ isBlocked: false });
    clock.advance(40_000);
    await expect(try_()).resolves.toMatchObject({ isBlocked: false });
  });

  it('counts no refused attempt, so that trying on does not lengthen the block', async () => {
    const { clock, try_ } = setUp();
    for (let i = 0; i < 50; i += 1) await try_();
    clock.advance(60_000);
    await expect(try_()).resolves.toMatchObject({ isBlocked: false, totalHits: 1 });
  });

  it('takes one attempt back, not all', async () => {
    const { attempts, try_ } = setUp();
    await try_();
    await try_();
    attempts.takeBack('a');
    await expect(try_()).resolves.toMatchObject({ isBlocked: false });
    await expect(try_()).resolves.toMatchObject({ isBlocked: true });
  });
});
