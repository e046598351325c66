import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nox as runNox } from '../integration/cli-support.js';
import { NoxServer, ROOT } from '../support/nox-server.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';
import { TestEngine } from '../support/docker-engine.js';
import { eventually } from '../support/wait.js';

let engine: TestEngine;
let nox: NoxServer;
/** Nox finds the engine by a link, so that the engine can go away and come back. */
let links: TempDir;
const link = () => join(links.path, 'engine.sock');
const connectEngine = () => symlink(engine.host.slice('unix://'.length), link());

beforeAll(async () => {
  engine = await TestEngine.start();
  links = await makeTempDir('nxl-');
  await connectEngine();
  nox = await NoxServer.start({ env: { DOCKER_HOST: `unix://${link()}` } });
  for (const name of ['lead', 'worker'])
    await nox.client.call('agents_create', {
      body: { name, id: name, system_prompt: 'test', runtime: 'command', command: ['/bin/cat'] } as never,
    });
});

afterAll(async () => {
  await nox?.close();
  await engine?.[Symbol.asyncDispose]();
  await links?.remove();
});

const running = (name: string) =>
  eventually(`${name} runs`, async () => {
    const service = await nox.client.call('services_get', { params: { name } });
    if (service.status !== 'running')
      throw new Error(`${service.status}: ${service.reason ?? ''}\n${nox.log.slice(-2000)}`);
    return service;
  });

const call = async (name: string, tool: string, text: string) => {
  const reply = await nox.client.call('services_call', { params: { name }, body: { tool, input: { text } } });
  return { ...reply, text: (reply.content[0] as { text: string }).text };
};

/** The same server as a program of this machine. */
async function installProgram(): Promise<void> {
  const folder = join(nox.workspace, 'mcp-program');
  await mkdir(folder, { recursive: true });
  for (const file of ['server.sh', 'answer.sh']) {
    const text = await readFile(join(ROOT, 'test/fixtures/mcp-image', file), 'utf8');
    await writeFile(join(folder, file), text.replaceAll('/answer.sh', join(folder, 'answer.sh')));
  }
  await nox.client.call('services_install', {
    body: {
      service_name: 'program',
      command: '/bin/sh',
      args: [join(folder, 'server.sh')],
      auto_approve: true,
      agent_id: 'lead',
    },
  });
  await running('program');
}

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
  });

  it('comes back when its container dies', async () => {
    const before = await running('busy');
    await expect(call('busy', 'die', '')).rejects.toThrow();
    await eventually('it is back', async () => {
      const now = await nox.client.call('services_get', { params: { name: 'busy' } });
      expect(now).toMatchObject({ status: 'running', restarts: before.restarts + 1 });
      return true;
    });
    expect((await call('busy', 'echo', 'again')).text).toBe('again');
  });

  it('is found again by a Nox that was killed: the same container', async () => {
    const ids = async () =>
      (await engine.docker.listContainers({ filters: { label: ['nox.service=busy'] } })).map(({ Id: id }) => id);
    const before = await ids();
    await nox.kill();
    await nox.boot();
    await running('busy');
    expect(await ids()).toEqual(before);
    expect((await call('busy', 'echo', 'still')).text).toBe('still');
  });

  it('says that there is no engine, while everything else works, and runs again when there is one', async () => {
    await unlink(link());
    const containers = await engine.docker.listContainers({ filters: { label: ['nox.service=busy'] } });
    await engine.docker.getContainer(containers[0]?.Id ?? '').kill();
    const failed = await eventually('the service has failed', async () => {
      const service = await nox.client.call('services_get', { params: { name: 'busy' } });
      return service.status === 'failed' ? service : undefined;
    });
    expect(failed.reason).toContain('No container engine listens at DOCKER_HOST.');
    const { engine: state } = await nox.client.call('services_list');
    expect(state).toMatchObject({ available: false, reason: 'No container engine listens at DOCKER_HOST.' });
    const { status, components } = await nox.client.call('system_status');
    expect([status, components['containers']?.status]).toEqual(['degraded', 'degraded']);
    await expect(call('busy', 'echo', 'anybody?')).rejects.toMatchObject({ code: 'MCP_SERVICE_UNAVAILABLE' });
    const wish = { service_name: 'more', image: 'mcp/time' };
    await expect(nox.client.call('services_install', { body: wish })).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
    });
    await installProgram();
    expect((await call('program', 'echo', 'no engine needed')).text).toBe('no engine needed');
    await connectEngine();
    await running('busy');
    expect((await call('busy', 'echo', 'back')).text).toBe('back');
    expect((await nox.client.call('system_status')).components['containers']?.status).toBe('ok');
  });

  it('is removed without a trace', async () => {
    await nox.client.call('services_remove', { params: { name: 'busy' } });
    expect(await engine.docker.listContainers({ all: true, filters: { label: ['nox.service=busy'] } })).toEqual([]);
    await expect(nox.client.call('services_get', { params: { name: 'busy' } })).rejects.toMatchObject({
      code: 'SERVICE_NOT_FOUND',
    });
  });
});

describe('a service that is a program', () => {
  it('is confined as agents are: what belongs to Nox is out of its reach', async () => {
    const secrets = await call('program', 'run', `ls ${nox.home}/state.db; cat ${nox.home}/secrets/jwt.key`);
    expect(secrets.text).not.toMatch(/exit 0$/);
    const write = await call('program', 'run', `echo x >> ${nox.registry}/mcp-services.toml`);
    expect(write.text).toMatch(/Read-only|denied|can't create/i);
    const kill = await call('program', 'run', `kill -9 ${nox.pid}`);
    expect(kill.text).toMatch(/No such process/i);
    const env = await call('program', 'run', 'env');
    expect(env.text).not.toMatch(/NOX_ADMIN_PASSWORD|ANTHROPIC|DOCKER_HOST/);
  });

  it('comes back when it dies, and ends with Nox', async () => {
    await expect(call('program', 'die', '')).rejects.toThrow();
    await running('program');
    expect((await call('program', 'echo', 'again')).text).toBe('again');
    await nox.client.call('services_remove', { params: { name: 'program' } });
  });
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
    const [network] = await engine.docker.listNetworks({ filters: { label: ['nox.registry'] } });
    const bridge = `br-${network?.Id.slice(0, 12) ?? ''}`;
    const rules = () => execFileSync('iptables', ['-w', '5', '-S', 'INPUT'], { encoding: 'utf8' });
    expect(rules()).toContain(bridge);
    // Removed while the engine is away: what is left there goes when it is back, over a restart of Nox, too.
    await unlink(link());
    await nox.client.call('services_remove', { params: { name: 'web' }, query: { image: 'true' } });
    await nox.restart();
    const left = async () => {
      const networks = (await engine.docker.listNetworks()).map(({ Name: name }) => name);
      const containers = await engine.docker.listContainers({ all: true, filters: { label: ['nox.service=web'] } });
      const images = (await engine.docker.listImages()).flatMap(({ RepoDigests: digests }) => digests ?? []);
      return [
        ...networks.filter((name) => name.startsWith('nox-')),
        ...containers.map(({ Id: id }) => id),
        ...images.filter((name) => name.includes('/web@')),
      ];
    };
    expect(await left()).toHaveLength(3);
    await connectEngine();
    await eventually('nothing is left', async () => (await left()).length === 0);
    expect(rules()).not.toContain(bridge);
  });
});

describe('nox mcp', () => {
  const cli = (...argv: string[]) =>
    runNox(['mcp', ...argv], { env: { NOX_URL: nox.url, NOX_TOKEN: nox.access_token, NO_COLOR: '1' } });
  const json = async <T>(...argv: string[]): Promise<T> => {
    const { exit, stdout, stderr } = await cli(...argv, '--json');
    if (exit !== 0) throw new Error(`nox mcp ${argv.join(' ')}: ${exit} ${stderr}`);
    return JSON.parse(stdout) as T;
  };

  it('finds, judges, installs, uses and removes a service, as words and as JSON', async () => {
    const image = await engine.publish('tool');
    const found = await json<{ results: { name: string }[]; offline: string | null }>('search', 'time');
    expect(found.results.map(({ name }) => name)).toContain('time');
    expect(found.offline).toEqual(expect.any(String));

    const asked = await cli('install', 'tool', '--image', image);
    expect([asked.exit, asked.stderr]).toEqual([2, expect.stringContaining('add --yes')]);
    expect(asked.stderr).toMatch(/digest +sha256:/);
    // What nobody has agreed to is known, and no more than that.
    expect((await cli('ls')).stdout).toMatch(/tool +.*pending_approval/);
    const installed = await cli('install', 'tool', '--image', image, '--agent', 'lead', '-y');
    expect([installed.exit, installed.stderr]).toEqual([0, expect.stringMatching(/risk +medium[^]*tool .*running/)]);

    expect(await json('show', 'tool')).toMatchObject({ name: 'tool', status: 'running', agents: ['lead'] });
    expect((await cli('ls')).stdout).toMatch(/tool +.*running +4 +lead/);
    const { tools } = await json<{ tools: { name: string }[] }>('tools', 'tool');
    expect(tools.map(({ name }) => name)).toEqual(['echo', 'danger', 'run', 'die']);
    expect(await cli('call', 'tool', 'echo', '{"text":"hello"}')).toMatchObject({ exit: 0, stdout: 'hello\n' });
    expect(await json('attach', 'tool', 'worker')).toMatchObject({ agents: ['lead', 'worker'] });
    expect((await cli('detach', 'tool', 'worker')).stderr).toContain('tool is used by lead');
    expect((await json<{ pids: number }>('stats', 'tool')).pids).toBeGreaterThan(0);
    expect((await cli('logs', 'tool')).stdout).toContain('the server starts');

    // Each refusal says what to do.
    expect(await cli('call', 'tool', 'echo', 'hello')).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('must be a JSON object'),
    });
    await json('update', 'tool', '--deny', 'danger');
    expect((await cli('tools', 'tool')).stdout).toMatch(/danger +may not/);
    for (const argv of [['show'], ['call', 'nobody', 'echo'], ['attach', 'nobody', 'lead'], ['rm', '-y', 'nobody']]) {
      const args = argv.length === 1 ? [...argv, 'nobody'] : argv;
      const { exit, stderr } = await cli(...args);
      expect([exit !== 0, stderr]).toEqual([true, expect.stringContaining('No service is called nobody')]);
    }
    expect((await cli('attach', 'tool', 'nobody')).stderr).toContain('No agent has the id nobody');
    expect((await cli('update', 'tool')).stderr).toContain('--deny');

    expect((await json<{ status: string }>('stop', 'tool')).status).toBe('stopped');
    expect((await cli('call', 'tool', 'echo')).exit).not.toBe(0);
    expect((await json<{ status: string }>('start', 'tool')).status).toBe('running');
    expect((await cli('rm', 'tool')).stderr).toContain('add --yes');
    expect((await cli('rm', 'tool', '--image', '-y')).stderr).toContain('nox registry undo');
    expect(await engine.docker.listContainers({ all: true, filters: { label: ['nox.service=tool'] } })).toEqual([]);
    expect((await json<{ services: unknown[] }>('ls')).services).toEqual([]);
  });
});
