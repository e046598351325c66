import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TestEngine } from '../support/docker-engine.js';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually, firstOf } from '../support/wait.js';

/** When Nox is killed, for a wish that an agent has: at a failpoint, or as soon as an event of the service says so. */
const AT_FAILPOINTS = ['service.proposed', 'service.asked', 'service.approved', 'service.installed'];
const AT_STATES = ['pulling', 'running'];

describe('a wish for a service, through kill -9 at each of its steps', () => {
  let engine: TestEngine;
  let nox: NoxServer;
  let image: string;
  const env: Record<string, string> = {};

  const alive = () =>
    fetch(`${nox.url}/health`).then(
      () => true,
      () => false,
    );
  const install = (name: string) =>
    nox.call('services_install', { body: { service_name: name, image, agent_id: 'lead' } });
  const requests = async (name: string) =>
    (await nox.call('approvals_list', { query: { limit: 500 } })).approvals.filter(
      ({ tool_name, input }) => tool_name === 'install_service' && (input as { service: string }).service === name,
    );
  const waiting = (name: string) =>
    eventually('the request', async () => (await requests(name)).find(({ status }) => status === 'parked'));
  const approve = async (name: string) =>
    nox.call('approvals_approve', { params: { id: (await waiting(name)).id }, body: {} });
  const messages = async (name: string) =>
    (await nox.call('messages_list', { query: { to: 'lead', limit: 500 } })).messages.filter(
      ({ metadata }) => (metadata as { service?: string }).service === name,
    );

  /** What holds at the end, wherever Nox died: one request, one container, one word to the agent, no more to do. */
  async function expectDone(name: string): Promise<void> {
    await eventually(`${name} runs`, async () => {
      const { status, reason } = await nox.call('services_get', { params: { name } });
      if (status !== 'running') throw new Error(`${status}: ${reason ?? ''}`);
      return true;
    });
    const [told] = await eventually('the agent has read it', async () => {
      const found = await messages(name);
      return found.some(({ status }) => status === 'acked') ? found : undefined;
    });
    expect(told).toMatchObject({ sent_by: 'system', metadata: { outcome: 'ready' } });
    expect(await messages(name)).toHaveLength(1);
    expect((await requests(name)).map(({ status }) => status)).toEqual(['approved']);
    const { services } = await nox.call('services_list');
    expect(services.filter((service) => service.name === name)).toMatchObject([{ status: 'running' }]);
    const containers = await engine.docker.listContainers({ all: true, filters: { label: [`nox.service=${name}`] } });
    expect(containers).toHaveLength(1);
    const reply = await nox.call('services_call', {
      params: { name },
      body: { tool: 'echo', input: { text: 'here' } },
    });
    expect(reply.content).toEqual([{ type: 'text', text: 'here' }]);
    await nox.call('services_remove', { params: { name }, query: { image: 'true' } });
  }

  async function diesAt(failpoint: string, deed: () => Promise<unknown>): Promise<void> {
    // The answer goes down with Nox.
    await deed().catch(() => undefined);
    await eventually(`death at ${failpoint}`, async () => !(await alive()));
    env['NOX_FAILPOINTS'] = '';
    await nox.boot();
  }

  beforeAll(async () => {
    engine = await TestEngine.start();
    image = await engine.publish('crash');
    env['DOCKER_HOST'] = engine.host;
    nox = await NoxServer.start({ env });
    await nox.call('agents_create', { body: fakeAgent('lead') });
  });
  afterAll(async () => {
    await nox?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  it.each(AT_FAILPOINTS)('killed at %s: it is asked for once, installed once, and told once', async (failpoint) => {
    const name = failpoint.replace('.', '-');
    await nox.kill();
    env['NOX_FAILPOINTS'] = `${failpoint}=kill`;
    await nox.boot();
    if (failpoint === 'service.proposed' || failpoint === 'service.asked') {
      await diesAt(failpoint, () => install(name));
      expect(await nox.call('services_get', { params: { name } })).toMatchObject({ status: 'pending_approval' });
      await approve(name);
    } else {
      await install(name);
      await diesAt(failpoint, () => approve(name));
    }
    await expectDone(name);
  });

  it.each(AT_STATES)('killed while %s: the next start goes on', async (state) => {
    const name = `while-${state}`;
    await install(name);
    const reached = firstOf(
      `${name} ${state}`,
      nox.events({ areas: ['service'] }),
      ({ type, payload }) =>
        type === 'service.changed' &&
        (payload as { service: string }).service === name &&
        (payload as { status: string }).status === state,
    );
    await approve(name);
    await reached;
    await nox.kill();
    await nox.boot();
    await expectDone(name);
  });

  it('keeps an end that came while Nox was down or dying: a denial is told, and nothing is installed', async () => {
    await install('unwanted');
    const { id } = await waiting('unwanted');
    await nox.call('approvals_deny', { params: { id }, body: { reason: 'no echoes here' } });
    await nox.kill();
    await nox.boot();
    const [told] = await eventually('the agent has read it', async () => {
      const found = await messages('unwanted');
      return found.length > 0 ? found : undefined;
    });
    expect(told).toMatchObject({ content: expect.stringContaining('no echoes here'), metadata: { outcome: 'denied' } });
    await expect(nox.call('services_get', { params: { name: 'unwanted' } })).rejects.toMatchObject({
      code: 'SERVICE_NOT_FOUND',
    });
  });
});
