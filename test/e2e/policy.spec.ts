import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { BUNDLE, NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

describe('the approval policy with the real Claude CLI', () => {
  let nox: NoxServer;
  const params = { id: 'worker' };
  const prompt = (content: string) => nox.call('agents_prompt', { params, body: { content } });
  const pending = (count: number) =>
    eventually(`${count} waiting requests`, async () => {
      const { approvals } = await nox.call('approvals_list', { query: { status: 'pending' } });
      return approvals.length === count ? approvals : undefined;
    });
  const here = (file: string) => existsSync(join(nox.workspace, 'workspaces', 'worker', file));
  const allow = (id: string, command: object) => ({
    rule: {
      id,
      when: { tool: 'Bash', command: command as { program: string } },
      then: 'allow' as const,
      reason: 'fine',
    },
  });

  beforeAll(async () => {
    nox = await NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } });
    await nox.call('agents_create', { body: { name: 'Worker', id: 'worker', system_prompt: '', start: true } });
  });
  afterAll(() => nox.close());

  it('decides what waits as soon as a rule says so, and the next call at once', async () => {
    const reply = prompt('tool Bash {"command":"touch one.txt && touch two.txt"}\nsay done');
    const [request] = await pending(1);
    await nox.call('policy_add_rule', { body: allow('touch', { program: 'touch' }) });
    expect(await reply).toMatchObject({ status: 'complete', text: 'done' });
    expect(here('one.txt') && here('two.txt')).toBe(true);
    const decided = await nox.call('approvals_get', { params: { id: request?.id ?? '' } });
    expect(decided).toMatchObject({ status: 'approved', decided_by: 'policy', channel: 'policy', rule_id: 'touch' });
    await prompt('tool Bash {"command":"touch three.txt; ls"}\nsay done');
    expect(here('three.txt')).toBe(true);
    const { approvals } = await nox.call('approvals_list', {});
    expect(approvals).toHaveLength(2);
    expect(approvals.every(({ policy_version }) => /^[0-9a-f]{12}$/.test(policy_version ?? ''))).toBe(true);
  });

  it('forbids with a reason that the agent reads', async () => {
    await nox.call('policy_add_rule', {
      body: {
        first: true,
        rule: {
          id: 'no-four',
          when: { tool: 'Bash', command: { program: 'touch', args: ['four.txt'] } },
          then: 'deny',
          reason: 'four is too many',
        },
      },
    });
    const reply = await prompt('tool Bash {"command":"touch four.txt"}');
    expect(reply.text).toContain('four is too many');
    expect(here('four.txt')).toBe(false);
  });

  it('proposes a rule after three equal answers, with what it would have done', async () => {
    for (const _ of [1, 2, 3]) {
      const reply = prompt('tool Bash {"command":"mkdir -p build"}\nsay done');
      const [request] = await pending(1);
      await nox.call('approvals_approve', { params: { id: request?.id ?? '' } });
      await reply;
    }
    const { proposals } = await nox.call('policy_proposals');
    expect(proposals).toMatchObject([
      {
        rule: {
          id: 'mkdir-p-build',
          when: { tool: 'Bash', command: { program: 'mkdir', args: ['-p', 'build'] }, agent: 'worker' },
          then: 'allow',
        },
        answers: 3,
        dry_run: { looked_at: 3, same: 3, different: 0 },
      },
    ]);
  });

  it('does all of it from the command line too', async () => {
    const cli = (...args: string[]) =>
      execFileSync(process.execPath, [BUNDLE, ...args], {
        encoding: 'utf8',
        env: { ...process.env, NOX_URL: nox.url, NOX_TOKEN: nox.access_token, NO_COLOR: '1' },
      });
    expect(cli('policy', 'propose')).toContain('would have decided 3 of the last 3 as you did, 0 differently');
    cli('policy', 'propose', '--accept', 'mkdir-p-build', '--yes');
    expect(cli('policy', 'show')).toContain('id = "mkdir-p-build"');
    expect(cli('policy', 'test', '--agent', 'worker', 'mkdir -p build && touch x')).toMatch(/^allow/);
    expect(cli('policy', 'test', 'mkdir -p build && rm -rf /')).toMatch(/^ask/);
    cli('policy', 'remove', 'mkdir-p-build', '--yes');
    expect(cli('policy', 'show')).not.toContain('mkdir-p-build');
    const bad = join(nox.dir.path, 'bad.toml');
    writeFileSync(bad, '[[rules]]\nid = "x"\nwhen = { tol = "Bash" }\nthen = "allow"\n');
    expect(() => cli('policy', 'edit', '--file', bad, '--yes')).toThrow(
      /approval-policy.toml:\d+: rules.0.when: .*tol/,
    );
  });
});
