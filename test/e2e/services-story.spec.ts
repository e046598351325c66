import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { AnyNoxEvent } from '../../src/contracts/event.js';
import { launchBrowser, logIn, openPage, takePictures } from '../support/browser.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { TestEngine } from '../support/docker-engine.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** The life of a service, with the real Claude CLI and a real Docker Engine: each step goes on where the one before ended. */
describe('an agent and a service that it asked for', () => {
  let engine: TestEngine;
  let nox: NoxServer;
  let image: string;
  let rules_before: string[];

  const prompt = (id: string, content: string, wait = true) =>
    nox.call('agents_prompt', { params: { id }, body: { content, wait } });
  const use = (tool: string, input: object) => `tool mcp__${tool} ${JSON.stringify(input)}`;
  const pending = (tool_name: string) =>
    eventually(`a request for ${tool_name}`, async () => {
      const { approvals } = await nox.call('approvals_list', { query: { status: 'pending' } });
      return approvals.find((approval) => approval.tool_name === tool_name);
    });
  const approve = (id: string) => nox.call('approvals_approve', { params: { id }, body: {} });
  const service = () => nox.call('services_get', { params: { name: 'busy' } });
  const running = () =>
    eventually('the service runs', async () => {
      const found = await service();
      if (found.status !== 'running') throw new Error(`${found.status}: ${found.reason ?? ''}`);
      return found;
    });
  const ended = (id: string) =>
    eventually('the end of the turn', async () => {
      const turn = await nox.call('turns_get', { params: { id } });
      return turn.ended_at === null ? undefined : turn;
    });
  /** Packet rules of the machine; other engines have a part in them, too. */
  const rules = () => execFileSync('iptables', ['-w', '5', '-S', 'INPUT'], { encoding: 'utf8' }).split('\n');
  const isOfNoNetwork = (rule: string): boolean => {
    const [, bridge] = /-i (br-\w+)/.exec(rule) ?? [];
    return bridge !== undefined && !existsSync(`/sys/class/net/${bridge}`);
  };
  const pid = (id: string) =>
    eventually(`${id} runs`, async () => (await nox.call('agents_status', { params: { id } })).pid);
  const containers = async () =>
    (await engine.docker.listContainers({ all: true, filters: { label: ['nox.service=busy'] } })).map(
      ({ Id: id }) => id,
    );
  const told = async (type: AnyNoxEvent['type']) =>
    (await nox.call('events', { query: { follow: 'false', areas: 'service', limit: 1000 } })).events.filter(
      (event) => event.type === type,
    );
  const calls = async () =>
    (await told('service.call')).map(({ agent_id, payload }) => {
      const { tool, outcome } = payload as { tool: string; outcome: string };
      return `${agent_id ?? 'person'} ${tool} ${outcome}`;
    });

  beforeAll(async () => {
    rules_before = rules();
    engine = await TestEngine.start();
    image = await engine.publish('busy');
    nox = await NoxServer.start({
      env: { DOCKER_HOST: engine.host, NOX_CLAUDE_PATH: CLAUDE_PATH },
    });
    for (const id of ['lead', 'worker'])
      await nox.call('agents_create', { body: { id, name: id, system_prompt: 'test', start: id === 'lead' } });
  });
  afterAll(async () => {
    await nox?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  it('is asked for by the agent, which goes on meanwhile; the person has the evaluation', async () => {
    const reply = await prompt(
      'lead',
      use('nox__request_service', { service: 'busy', image, reason: 'I need an echo' }),
    );
    expect(reply.text).toContain('pending_approval');
    const request = await pending('install_service');
    expect(request).toMatchObject({
      agent_id: 'lead',
      request_type: 'mcp_installation',
      risk_level: 'medium',
      input: { service: 'busy', reason: 'I need an echo', agents: ['lead'] },
    });
    const { evaluation } = request.input as { evaluation: { digest: string; reasons: string[] } };
    expect(evaluation.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(evaluation.reasons).toContain('nobody vouches for its publisher');
    expect(await service()).toMatchObject({ status: 'pending_approval', approval_id: request.id, evaluation });
    expect(await containers()).toEqual([]);
  });

  it('is shown to a person in words: what it is, where it reaches, what it may use', async () => {
    const { id } = await pending('install_service');
    await using browser = await launchBrowser();
    for (const width of [1440, 360]) {
      const { page, complaints } = await openPage(browser, nox.url, { width });
      await logIn(page, nox);
      await page.goto(`${nox.url}/approvals/${id}`);
      const asked = page.getByRole('article', { name: /to use install_service/ });
      const fact = (name: string) => asked.locator('dt', { hasText: new RegExp(`^${name}$`) }).locator('+ dd');
      await fact('Network').getByText('it reaches nothing').waitFor();
      await fact('Mounts').getByText('nothing of this machine').waitFor();
      await fact('For').getByText('lead').waitFor();
      await fact('Digest')
        .getByText(/^sha256:[0-9a-f]{64}$/)
        .waitFor();
      await asked.getByText('I need an echo').waitFor();
      await asked.getByText('nobody vouches for its publisher').waitFor();
      expect(await asked.getByText('"evaluation"').count()).toBe(0);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      await takePictures(page, `install-request-${width}`);
      await asked.getByRole('button', { name: 'Show the exact JSON' }).click();
      await asked.getByText('"evaluation"').waitFor();
      expect(complaints).toEqual([]);
    }
  });

  it('waits on through kill -9, and is decided afterwards', async () => {
    const before = await pending('install_service');
    await nox.kill();
    await nox.boot();
    expect((await pending('install_service')).id).toBe(before.id);
    expect(await service()).toMatchObject({ status: 'pending_approval', approval_id: before.id });
  });

  it('is pulled with progress when it is approved, and the agent is told when it runs', async () => {
    const process = await pid('lead');
    await approve((await pending('install_service')).id);
    const { agents, tools, server } = await running();
    expect({ agents, tools, server }).toEqual({ agents: ['lead'], tools: 4, server: { name: 'busy', version: '1.0' } });
    const progress = (await told('service.pull_progress')).map(
      ({ payload }) => (payload as { percent: number }).percent,
    );
    expect(progress.at(-1)).toBe(100);
    const message = await eventually('the message is read', async () => {
      const { messages } = await nox.call('messages_list', { query: { to: 'lead' } });
      return messages.find(({ status }) => status === 'acked');
    });
    expect(message).toMatchObject({ sent_by: 'system', content: expect.stringContaining('mcp__busy__') });
    expect(await pid('lead')).toBe(process);
  });

  it('is used by the same process, once a person has allowed the call', async () => {
    const process = await pid('lead');
    const turn = await prompt('lead', use('busy__echo', { text: 'hello from inside' }), false);
    const request = await pending('mcp__busy__echo');
    expect(request).toMatchObject({ agent_id: 'lead', request_type: 'tool_use', input: { text: 'hello from inside' } });
    expect(await calls()).toEqual([]);
    await approve(request.id);
    expect((await ended(turn.turn_id)).text).toContain('hello from inside');
    expect(await calls()).toEqual(['lead echo ok']);
    expect(await pid('lead')).toBe(process);
  });

  it('is shared: another agent gets it while it runs, and it stays one container', async () => {
    await nox.call('policy_add_rule', {
      body: { rule: { id: 'busy', when: { tool: 'mcp__busy__echo' }, then: 'allow', reason: 'only an echo' } },
    });
    await nox.call('agents_start', { params: { id: 'worker' } });
    const before = await prompt('worker', use('busy__echo', { text: 'too early' }));
    expect(before.text).toContain('No such tool available');
    const process = await pid('worker');
    await nox.call('services_attach', { params: { name: 'busy' }, body: { agent_id: 'worker' } });
    const [one, two] = await Promise.all([
      prompt('lead', use('busy__echo', { text: 'from the lead' })),
      prompt('worker', use('busy__echo', { text: 'from the worker' })),
    ]);
    expect(one.text).toContain('from the lead');
    expect(two.text).toContain('from the worker');
    expect(await pid('worker')).toBe(process);
    expect(await containers()).toHaveLength(1);
    const { calls: counted } = await service();
    expect(counted.map(({ agent_id, calls: n }) => `${agent_id} ${n}`).sort()).toEqual(['lead 2', 'worker 1']);
  });

  it('refuses a call that is forbidden, also one that a person has allowed, and keeps that it did', async () => {
    const turn = await prompt('lead', use('busy__danger', { text: 'boom' }), false);
    const request = await pending('mcp__busy__danger');
    await nox.call('services_update', { params: { name: 'busy' }, body: { denied_tools: ['danger'] } });
    await approve(request.id);
    expect((await ended(turn.turn_id)).text).toContain('FORBIDDEN');
    expect(await calls()).toContain('lead danger refused');
    const later = await prompt('lead', use('busy__danger', { text: 'boom' }));
    expect(later.text).toContain('No such tool available');
  });

  it('comes back when its container dies, and its agents use it on', async () => {
    const [before] = await containers();
    const process = await pid('lead');
    await engine.docker.getContainer(before ?? '').kill();
    await eventually('another container', async () => (await containers())[0] !== before && running());
    const reply = await prompt('lead', use('busy__echo', { text: 'after the fall' }));
    expect(reply.text).toContain('after the fall');
    expect(await pid('lead')).toBe(process);
    const states = (await told('service.changed')).map(({ payload }) => (payload as { status: string }).status);
    expect(states).toEqual(expect.arrayContaining(['unhealthy', 'running']));
  });

  it('is found again by a Nox that was killed: the same container, the same agents', async () => {
    const before = await containers();
    await nox.kill();
    await nox.boot();
    expect((await running()).agents).toEqual(['lead', 'worker']);
    expect(await containers()).toEqual(before);
    expect((await prompt('lead', use('busy__echo', { text: 'still there' }))).text).toContain('still there');
  });

  it('leaves nothing when it is removed, not even its image if that is wanted', async () => {
    await nox.call('services_remove', { params: { name: 'busy' }, query: { image: 'true' } });
    expect(await containers()).toEqual([]);
    expect((await engine.docker.listNetworks()).filter(({ Name: name }) => name.startsWith('nox-'))).toEqual([]);
    expect((await engine.docker.listVolumes()).Volumes ?? []).toEqual([]);
    expect(await engine.docker.listImages({ all: true })).toEqual([]);
    await eventually('no rule is left of a network that is gone', () =>
      rules().every((rule) => rules_before.includes(rule) || !isOfNoNetwork(rule)),
    );
    expect((await prompt('lead', use('busy__echo', { text: 'gone' }))).text).toContain('No such tool available');
  });
});
