import { expect, it } from '@jest/globals';
import { runRegistryModel } from '../fault/long/registry-model.js';

/** Always the same histories here; `npm run chaos -- --only registry-model` tries new ones, longer, and repeats a failure by its seed and path. */
it('the registry is what a model in memory says, whatever happens to it', async () => {
  const report = await runRegistryModel({ steps: 480, seed: 21, say: () => undefined });
  expect(report).toMatchObject({ violations: [] });
}, 900_000);
