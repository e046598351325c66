import { expect, it } from '@jest/globals';
import { runEditors } from './long/editors.js';

/** `npm run chaos -- --only editors` is the long version: 20 editors, 50 saves each, 500 writes. */
it('twenty editors and the API lose nothing of each other, and what is broken is told, not in force', async () => {
  const report = await runEditors({ editors: 20, saves: 2, writes: 60, seed: 7, say: () => undefined });
  expect(report).toMatchObject({ violations: [], saves: 40, writes: 60 });
  expect(report.broken_saves).toBeGreaterThan(0);
});
