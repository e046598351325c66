import { expect, it } from '@jest/globals';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

it('regression: a prompt that comes while a turn is being stored does not slip past the budget', async () => {
  await using nox = await NoxServer.start({ env: { NOX_FAILPOINTS: 'turn.end.before=sleep:1500@1' } });
  const id = 'one';
  await nox.call('agents_create', { body: { ...fakeAgent(id), budget: { turns_per_day: 1 } } });
  const ask = (content: string) => nox.call('agents_prompt', { params: { id }, body: { content, wait: false } });
  const turnOf = (turn_id: string) => nox.call('turns_get', { params: { id: turn_id } });
  const first = await ask('say the only one');
  await eventually('the first has answered', async () => (await turnOf(first.turn_id)).blocks.length > 0);
  const second = await ask('say tomorrow');
  const { status, activity } = await eventually('the second waits', async () => {
    const found = await nox.call('agents_status', { params: { id } });
    return found.activity === 'parked' ? found : undefined;
  });
  expect({ status, activity }).toEqual({ status: 'parked', activity: 'parked' });
  expect(await turnOf(first.turn_id)).toMatchObject({ status: 'complete' });
  expect(await turnOf(second.turn_id)).toMatchObject({ status: 'queued', started_at: null });
});
