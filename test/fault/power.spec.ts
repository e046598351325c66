import { expect, it } from '@jest/globals';
import { runPower } from './long/power.js';

/** `npm run chaos -- --only power` is the long version, which also starts a whole Nox on every twentieth disk. */
it('a loss of power loses nothing that was answered, under the real SQLite and git', async () => {
  const report = await runPower({ cuts: 30, starts: 0, rounds: 1, seed: Date.now() % 1_000_000, say: () => undefined });
  expect(report).toMatchObject({ violations: [] });
});
