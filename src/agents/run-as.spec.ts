import { expect, it } from '@jest/globals';
import { SystemConfig } from '../contracts/config.js';

it('refuses a user of its own for each agent, by name, instead of quietly running it as the same', () => {
  const { error } = SystemConfig.safeParse({ agents: { run_as: 'own_uid' } });
  expect(error?.issues).toMatchObject([
    { path: ['agents', 'run_as'], message: expect.stringContaining('must be "same"') },
  ]);
  expect(SystemConfig.parse({}).agents.run_as).toBe('same');
});
