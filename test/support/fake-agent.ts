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

const DIES_OF_ANY_PROMPT = `
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { type, request_id } = JSON.parse(line);
  if (type === 'user') process.exit(1);
  const response = { subtype: 'success', request_id, response: { claude_code_version: '2.1.329', pid: process.pid } };
  if (type === 'control_request') console.log(JSON.stringify({ type: 'control_response', response }));
});`;

const ENDS_WHEN_KILLED = `
process.on('SIGTERM', () => undefined);
setInterval(() => undefined, 60000);
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { request_id, request } = JSON.parse(line);
  const response = { subtype: 'success', request_id, response: { claude_code_version: '2.1.329', pid: process.pid } };
  if (request?.subtype === 'initialize') console.log(JSON.stringify({ type: 'control_response', response }));
});`;

/** Body for one that is idle and takes all the time it is given to fall asleep. */
export const sleeplessAgent = (id: string): NonNullable<RouteCall<'agents_create'>['body']> => ({
  ...fakeAgent(id),
  command: [NODE, '-e', ENDS_WHEN_KILLED, '--'],
});

/** Body for one that starts well and ends before it has told that it read what it was given: a message is handed over again, and again. */
export const dyingAgent = (id: string): NonNullable<RouteCall<'agents_create'>['body']> => ({
  ...fakeAgent(id),
  command: [NODE, '-e', DIES_OF_ANY_PROMPT, '--'],
  restart: { intensity: 100, backoff_ms: { initial: 10, max: 20 } },
});
