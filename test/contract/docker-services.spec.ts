import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NoxServer } from '../support/nox-server.js';
import { TestEngine } from '../support/docker-engine.js';
import { eventually } from '../support/wait.js';

let engine: TestEngine;
let nox: NoxServer;

beforeAll(async () => {
  engine = await TestEngine.start();
  nox = await NoxServer.start({ env: { DOCKER_HOST: engine.host } });
  for (const name of ['lead', 'worker'])
    await nox.client.call('agents_create', {
      body: { name, id: name, system_prompt: 'test', runtime: 'command', command: ['/bin/cat'] } as never,
    });
}, 120_000);

afterAll(async () => {
  await nox?.close();
  await engine?.[Symbol.asyncDispose]();
}, 60_000);

const running = (name: string) =>
  eventually(
    `${name} runs`,
    async () => {
      const service = await nox.client.call('services_get', { params: { name } });
      if (service.status !== 'running')
        throw new Error(`${service.status}: ${service.reason ?? ''}\n${nox.log.slice(-2000)}`);
      return service;
    },
    60_000,
  );

const call = async (name: string, tool: string, text: string) => {
  const reply = await nox.client.call('services_call', { params: { name }, body: { tool, input: { text } } });
  return { ...reply, text: (reply.content[0] as { text: string }).text };
};

describe('a service over stdio', () => {
  it('is pulled by digest, started, spoken to and attached', async () => {
    const image = await engine.publish('busy');
    const waiting = await nox.client.call('services_install', { body: { image, service_name: 'busy' } });
    expect(waiting.status).toBe('pending_approval');
    expect(waiting.evaluation?.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(waiting.evaluation?.risk_level).toBe('medium');
    await nox.client.call('services_install', {
      body: { image, service_name: 'busy', auto_approve: true, agent_id: 'lead' },
    });
    const service = await running('busy');
    expect(service.server).toEqual({ name: 'busy', version: '1.0' });
    expect(service.agents).toEqual(['lead']);
    expect((await call('busy', 'echo', 'hello')).text).toBe('hello');
    const { lines } = await nox.client.call('services_logs', { params: { name: 'busy' } });
    expect(lines).toContainEqual({ stream: 'stderr', line: 'the server starts' });
  }, 120_000);

  it.each([
    ['write to its root', 'touch /x', /Read-only file system/],
    ['mount', 'mount -t tmpfs none /tmp', /ermission denied|not permitted/],
    ['make a raw socket', 'ping -c 1 127.0.0.1', /ermission denied|not permitted/],
    ['see a network', 'wget -q -O - http://169.254.169.254/', /unreachable|bad address/i],
    ['find the socket of the engine', 'ls /var/run/docker.sock', /No such file/],
    ['gain a capability', 'grep CapEff /proc/self/status', /0000000000000000/],
    ['be root', 'id -u', /65534/],
  ])('cannot %s', async (_, command, answer) => {
    expect((await call('busy', 'run', command)).text).toMatch(answer);
  });

  it('has the flags that the specification says', async () => {
    const [found] = await engine.docker.listContainers({ filters: { label: ['nox.service=busy'] } });
    const { HostConfig: host } = await engine.docker.getContainer(found?.Id ?? '').inspect();
    expect(host).toMatchObject({
      CapDrop: ['ALL'],
      ReadonlyRootfs: true,
      NetworkMode: 'none',
      Privileged: false,
      PidsLimit: 128,
      Memory: 1024 * 1_048_576,
    });
  });

  it('comes back when its container dies', async () => {
    const before = await running('busy');
    await expect(call('busy', 'die', '')).rejects.toThrow();
    await eventually(
      'it is back',
      async () => {
        const now = await nox.client.call('services_get', { params: { name: 'busy' } });
        expect(now).toMatchObject({ status: 'running', restarts: before.restarts + 1 });
        return true;
      },
      30_000,
    );
    expect((await call('busy', 'echo', 'again')).text).toBe('again');
  }, 60_000);

  it('is found again by a Nox that was killed: the same container', async () => {
    const ids = async () =>
      (await engine.docker.listContainers({ filters: { label: ['nox.service=busy'] } })).map(({ Id: id }) => id);
    const before = await ids();
    await nox.kill();
    await nox.boot();
    await running('busy');
    expect(await ids()).toEqual(before);
    expect((await call('busy', 'echo', 'still')).text).toBe('still');
  }, 60_000);

  it('is removed without a trace', async () => {
    await nox.client.call('services_remove', { params: { name: 'busy' } });
    expect(await engine.docker.listContainers({ all: true, filters: { label: ['nox.service=busy'] } })).toEqual([]);
    await expect(nox.client.call('services_get', { params: { name: 'busy' } })).rejects.toMatchObject({
      code: 'SERVICE_NOT_FOUND',
    });
  }, 60_000);
});

describe('a service over http', () => {
  it('is reached in its own network, from which nothing is reached', async () => {
    const image = await engine.publish('web', 'http');
    await nox.client.call('services_install', {
      body: {
        image,
        service_name: 'web',
        transport: 'http',
        network: 'internal',
        path: '/cgi-bin/mcp',
        auto_approve: true,
        agent_id: 'worker',
      },
    });
    await running('web');
    expect((await call('web', 'echo', 'over http')).text).toBe('over http');
    const gateway = (await call('web', 'run', 'route -n | sed -n 3p')).text.split(/\s+/)[1] ?? '';
    expect(gateway).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    // A listener of the host on all its addresses: the bridge must not lead to it.
    const open = await call('web', 'run', `timeout 3 nc ${gateway} ${nox.port} </dev/null; echo reached $?`);
    expect(open.text).not.toMatch(/reached 0/);
    await nox.client.call('services_remove', { params: { name: 'web' } });
    expect(
      (await engine.docker.listNetworks()).map(({ Name: name }) => name).filter((name) => name.startsWith('nox-')),
    ).toEqual([]);
  }, 120_000);
});
