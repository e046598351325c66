import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProcessHost } from '../../src/agents/process/native-process-host.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { NoxServer } from '../support/nox-server.js';

const host = createProcessHost();
await host.ready();
const inNamespace = host.confinement() === 'pid-namespace' ? describe : describe.skip;

/** FEATURES Z11, with the real CLI: rules allow everything here, and the profile still forbids. */
describe('an agent whose permissions are to read', () => {
  const id = 'reader';
  let nox: NoxServer;
  const workspace = () => join(nox.workspace, 'workspaces', id);

  beforeAll(async () => {
    nox = await NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } });
    const { version } = await nox.call('policy_get');
    const rules = ['Write', 'Bash'].map(
      (tool) => `[[rules]]\nid = "all-${tool.toLowerCase()}"\nwhen = { tool = "${tool}" }\nthen = "allow"\n`,
    );
    await nox.call('policy_write', {
      body: { text: `schema_version = 1\n${rules.join('\n')}`, base_version: version },
    });
    const permissions = { filesystem: 'ro' as const, network: 'none' as const };
    await nox.call('agents_create', { body: { name: 'Reader', id, permissions, start: true } });
  });
  afterAll(() => nox.close());

  const turn = async (script: string): Promise<string> => {
    const { turn_id } = await nox.call('agents_prompt', { params: { id }, body: { content: script } });
    return JSON.stringify((await nox.call('turns_get', { params: { id: turn_id } })).blocks);
  };

  it('cannot write, by tool or by shell; is not asked for, and the refusal is in the book', async () => {
    const told = await turn(
      `tool Write ${JSON.stringify({ file_path: join(workspace(), 'a'), content: 'x' })}\ntool Bash {"command":"touch b"}\nsay over`,
    );
    expect(told).toContain('only read files');
    expect(existsSync(join(workspace(), 'a')) || existsSync(join(workspace(), 'b'))).toBe(false);
    expect((await nox.call('approvals_list', { query: { status: 'pending' } })).approvals).toEqual([]);
    const { entries } = await nox.call('audit_list', { query: { agent_id: id } });
    expect(entries.map(({ body }) => `${body.status} ${body.rule_id ?? ''}`)).toContain('denied profile:filesystem');
  });

  it('can read, and says what keeps it from more', async () => {
    expect(await turn('tool Bash {"command":"pwd"}\nsay over')).toContain(workspace());
    const { permissions_kept_by } = await nox.call('agents_get', { params: { id } });
    const by = host.confinement() === 'pid-namespace' ? 'os' : 'gate';
    expect(permissions_kept_by).toMatchObject({ filesystem: by, network: 'gate' });
    expect(permissions_kept_by?.detail).toContain('The CLI reaches its model over the network');
  });

  it('gets more only from a person who changes its permissions, and then starts anew', async () => {
    await nox.call('agents_update', { params: { id }, body: { permissions: { filesystem: 'rw' } } });
    await turn(`tool Write ${JSON.stringify({ file_path: join(workspace(), 'c'), content: 'x' })}\nsay over`);
    expect(existsSync(join(workspace(), 'c'))).toBe(true);
  });
});

inNamespace('what the operating system keeps of a profile', () => {
  it('is a workspace that is read-only, and no network', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'nox-profile-'));
    try {
      const run = await host.spawn({
        run_id: 'run_profile',
        argv: ['/bin/sh', '-c', 'touch x || echo "no file"; grep -c : /proc/net/dev; grep -c lo: /proc/net/dev'],
        cwd,
        env: { PATH: '/usr/bin:/bin' },
        confine: { mode: 'require', hidden: [], read_only: [cwd], sealed: [], no_network: true },
      });
      const [out] = await Promise.all([run.stdout.toArray(), run.stderr.resume() && run.exited]);
      expect(Buffer.concat(out as Buffer[]).toString()).toBe('no file\n1\n1\n');
      expect(existsSync(join(cwd, 'x'))).toBe(false);
    } finally {
      rmSync(cwd, { recursive: true });
    }
  });
});
