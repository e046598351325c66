import { expect, it } from '@jest/globals';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** Each stands before a write that the disk refuses once. */
const PLACES = [
  'run.begin.before',
  'turn.begin.before',
  'turn.end.before',
  'run.end.before',
  'message.bind.before',
  'run.identified',
];

it('regression: a turn, a run or a message whose write the disk refused once waits for ever', async () => {
  const NOX_FAILPOINTS = PLACES.map((place) => `${place}=enospc@1`).join();
  await using nox = await NoxServer.start({ env: { NOX_FAILPOINTS, NOX_LOG_LEVEL: 'error' } });
  const restart = { backoff_ms: { initial: 50, max: 100 } };
  const running = () =>
    eventually('it runs', async () => {
      return (await nox.call('agents_status', { params: { id: 'one' } })).process_state === 'running';
    });
  await nox.call('agents_create', { body: { ...fakeAgent('one', false), restart } });
  await expect(nox.call('agents_start', { params: { id: 'one' } })).rejects.toThrow();
  await running();
  const say = async (content: string) =>
    (await nox.call('agents_prompt', { params: { id: 'one' }, body: { content, wait: true } })).text;
  expect(await say('say first')).toBe('first');
  await nox.call('agents_prompt', { params: { id: 'one' }, body: { content: 'crash', wait: true } });
  expect(await say('say second')).toBe('second');
  const { id } = await nox.call('messages_send', { body: { to: 'one', content: 'say third', priority: 'medium' } });
  await eventually('the message is read', async () => {
    return (await nox.call('messages_get', { params: { id } })).status === 'acked';
  });
  await running();
});
