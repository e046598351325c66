import { expect, it } from '@jest/globals';
import { runStorm } from './long/storm.js';
import { runZoo } from './long/zoo.js';

const say = (): void => undefined;

/** The short versions; `npm run chaos -- --only storm --only zoo` are the long ones. */
it('agents that crash at once are started as often as the restart policy says, then given up', async () => {
  const report = await runStorm({ agents: 20, seconds: 8, say });
  expect(report).toMatchObject({ violations: [] });
}, 90_000);

it('hostile trees are ended completely five times over, beside each other', async () => {
  const report = await runZoo({ times: 5, say });
  expect(report).toMatchObject({ violations: [] });
}, 120_000);
