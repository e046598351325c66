import { expect, it } from '@jest/globals';
import { runChaos } from './chaos.js';

const KILLS = 20;

/** The short version; `npm run chaos` is the long one. */
it(`${KILLS} kills of Nox and of agents under load break no promise`, async () => {
  const seed = Date.now() % 1_000_000;
  const said: string[] = [];
  const report = await runChaos({
    kills: KILLS,
    minutes: 1.2,
    agents: 5,
    seed,
    say: (text) => said.push(text),
  });
  // The seed is in what is compared, so that a failure can be repeated.
  expect(report).toMatchObject({ seed, violations: [] });
  expect(report.kills.nox + report.kills.agent).toBeGreaterThan(0);
  expect(report.turns['complete']).toBeGreaterThan(0);
});
