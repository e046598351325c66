import { join } from 'node:path';
import type { RouteCall } from '../../src/contracts/routes.js';
import { NODE, ROOT } from './nox-server.js';

/** Program and arguments of the scriptable fake agent. */
export const FAKE_AGENT: [string, ...string[]] = [NODE, join(ROOT, 'test/fixtures/fake-agent/fake-agent.mjs')];

/** Its environment: the folder of its transcripts, taken from the server's own environment. */
export const FAKE_AGENT_ENV = { FAKE_AGENT_HOME: 'env:FAKE_AGENT_HOME' };

/** Body of POST /agents for a fake agent. Its FAKE_AGENT_HOME is the server's: NoxServer has one. */
export const fakeAgent = (id: string, start = true): NonNullable<RouteCall<'agents_create'>['body']> => ({
  id,
  name: id,
  runtime: 'command',
  command: [...FAKE_AGENT],
  env: FAKE_AGENT_ENV,
  start,
});
