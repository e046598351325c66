import { expect, it } from '@jest/globals';
import { runRegistryModel } from '../fault/long/registry-model.js';

/** `npm run chaos -- --only registry-model` is the long version, and repeats a failure by its seed and path. */
it('the registry is what a model in memory says, whatever happens to it', async () => {
  const report = await runRegistryModel({ steps: 120, seed: Date.now() % 1_000_000, say: () => undefined });
  expect(report).toMatchObject({ violations: [] });
});
