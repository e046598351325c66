import { expect, it } from '@jest/globals';
import { canInjectFaults, runDisk } from './long/disk.js';
import { runCanaries } from './long/canaries.js';
import { runStorm } from './long/storm.js';
import { runZoo } from './long/zoo.js';

const say = (): void => undefined;

/** The short versions; `npm run chaos -- --only storm --only zoo --only disk` are the long ones. */
it('agents that crash at once are started as often as the restart policy says, then given up', async () => {
  const report = await runStorm({ agents: 20, seconds: 8, tolerance: 0.25, say });
  expect(report).toMatchObject({ violations: [] });
});

it('hostile trees are ended completely five times over, beside each other', async () => {
  const report = await runZoo({ times: 5, say });
  expect(report).toMatchObject({ violations: [] });
});

/** Another few calls each day, so that in time each has had its turn. */
const EVERY = 61;
(canInjectFaults() ? it : it.skip)(
  'one call of the file system that fails, each in its turn, is told plainly and leaves old or new',
  async () => {
    const report = await runDisk({ every: EVERY, first: 1 + (Math.floor(Date.now() / 86_400_000) % EVERY), say });
    expect(report).toMatchObject({ violations: [] });
  },
);
it('no call that waits takes effect without an approval before it, whatever breaks', async () => {
  const report = await runCanaries({ rounds: 1, real: 1, say });
  expect(report).toMatchObject({ violations: [] });
});
