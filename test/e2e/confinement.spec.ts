import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createProcessHost } from '../../src/agents/process/native-process-host.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

const host = createProcessHost();
await host.ready();
const inNamespace = host.confinement() === 'pid-namespace' ? describe : describe.skip;

inNamespace('what a person allows an agent to try', () => {
  const id = 'worker';
  let nox: NoxServer;
  const workspace = () => join(nox.workspace, 'workspaces', id);
  const policy = () => join(nox.registry, 'approval-policy.toml');

  beforeAll(async () => {
    nox = await NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } });
    await nox.call('agents_create', { body: { name: 'Worker', id, start: true } });
  });
  afterAll(() => nox.close());

  /** Has the agent run a command, allowed by a person; answers what its tool told. */
  async function allowed(command: string): Promise<string> {
    const content = `tool Bash ${JSON.stringify({ command })}\nsay done`;
    const reply = nox.call('agents_prompt', { params: { id }, body: { content } });
    const asked = await eventually('a request for approval', async () => {
      const { approvals } = await nox.call('approvals_list', { query: { status: 'pending' } });
      return approvals[0];
    });
    await nox.call('approvals_approve', { params: { id: asked.id }, body: { reason: 'let it try' } });
    const { turn_id, status } = await reply;
    expect(status).toBe('complete');
    return JSON.stringify((await nox.call('turns_get', { params: { id: turn_id } })).blocks);
  }

  it('is work in its workspace', async () => {
    await allowed('touch made.txt');
    expect(existsSync(join(workspace(), 'made.txt'))).toBe(true);
  });

  it('is not to read the secrets of Nox', async () => {
    const secret = readFileSync(join(nox.home, 'jwt-secret'), 'latin1');
    const told = await allowed(`touch tried; base64 -w0 ${nox.home}/jwt-secret; echo "ended with $?"`);
    expect(existsSync(join(workspace(), 'tried'))).toBe(true);
    expect(told).toContain('No such file or directory');
    expect(told).toContain('ended with 1');
    expect(told).not.toContain(Buffer.from(secret, 'latin1').toString('base64').slice(0, 20));
  });

  it('is not to change the policy', async () => {
    const before = readFileSync(policy(), 'utf8');
    const told = await allowed(`echo 'default = "allow"' >> ${policy()} || touch refused`);
    expect(told).toContain('Read-only file system');
    expect(existsSync(join(workspace(), 'refused'))).toBe(true);
    expect(readFileSync(policy(), 'utf8')).toBe(before);
  });

  it('is not to leave settings for the Claude of a person', async () => {
    const told = await allowed(`echo '{}' > .claude/settings.json || touch sealed`);
    expect(told).toContain('Read-only file system');
    await nox.call('agents_stop', { params: { id } });
    expect(readdirSync(workspace())).toEqual(expect.arrayContaining(['made.txt', 'sealed']));
    expect(existsSync(join(workspace(), '.claude'))).toBe(false);
  });

  it('is said in the state of the system', async () => {
    const { components } = await nox.call('system_status');
    expect(components['process_isolation']).toMatchObject({ status: 'ok' });
  });

  it('is anything where confinement is off, and that is said', async () => {
    await nox.kill('SIGTERM');
    const file = join(nox.registry, 'system-config.toml');
    const config = readFileSync(file, 'utf8');
    expect(config).toMatch(/^confine = "auto"/m);
    writeFileSync(file, config.replace(/^confine = "auto"/m, 'confine = "off"'));
    await nox.boot();
    // Not by a hand edit alone: a person has to confirm it.
    expect((await nox.call('system_status')).components['process_isolation']).toMatchObject({ status: 'ok' });
    const { edits } = await nox.call('registry_external');
    await nox.call('registry_external_accept', {
      body: { edits: edits.map(({ file: name, version }) => ({ file: name, version })), confirm: true },
    });
    const { components } = await nox.call('system_status');
    expect(components['process_isolation']).toMatchObject({
      status: 'degraded',
      detail: expect.stringContaining('agents.confine is "off"'),
    });
    await nox.call('agents_start', { params: { id } });
    await allowed(`ls ${nox.home} > seen`);
    expect(readFileSync(join(workspace(), 'seen'), 'utf8')).toContain('jwt-secret');
  });
});
