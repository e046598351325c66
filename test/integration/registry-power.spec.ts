import { expect, it } from '@jest/globals';
import { runRegistryPower } from '../fault/long/registry-power.js';

/** `npm run chaos -- --only registry-power` is the long version. */
it('a loss of power after any call of the writer loses nothing that was answered', async () => {
  const report = await runRegistryPower({ cuts: 30, seed: Date.now() % 1_000_000, say: () => undefined });
  expect(report).toMatchObject({ violations: [] });
});
