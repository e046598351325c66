import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Approval } from '../../src/contracts/approval.js';
import type { Turn } from '../../src/contracts/turn.js';
import type { RegistryService } from '../../src/registry/registry.service.js';
import { parseToml } from '../../src/registry/toml/toml.js';
import { Kit } from './registry-kit.js';

let kit: Kit;
let registry: RegistryService;
const file = (name: string): string => join(kit.root, name);
const toml = async (name: string): Promise<object> => parseToml(await readFile(file(name), 'utf8'));
const CONVERSATION = 'agents/lead/conversations/2026-11-21.toml';

beforeEach(async () => {
  kit = await Kit.make();
  registry = await kit.open();
});
afterEach(() => kit.remove());

const turn = (over: Partial<Turn> = {}): Turn => ({
  id: 'trn_01J00000000000000000000000',
  agent_id: 'lead',
  session_id: 'ses',
  source: 'user',
  actor: 'admin',
  prompt: 'Plan it.\n[[turns]]\nNow.',
  status: 'complete',
  text: 'Done "it".\n',
  blocks: [],
  usage: { input_tokens: 1, output_tokens: 2, cache_read_tokens: 0, cache_write_tokens: 0, cost_usd: 0.5 },
  reason: null,
  queued_at: '2026-11-21T08:31:01.000Z',
  started_at: '2026-11-21T08:31:02.000Z',
  ended_at: '2026-11-21T08:31:05.000Z',
  ...over,
});

const approval = (decided_at: string): Approval =>
  Approval.parse({
    id: 'apr_01J00000000000000000000000',
    agent_id: 'lead',
    session_id: null,
    turn_id: null,
    tool_use_id: 'toolu_1',
    request_type: 'tool_use',
    tool_name: 'Bash',
    input: { command: 'rm -r build' },
    input_sha256: 'ab',
    cwd: '/',
    risk_level: 'high',
    reasons: ['deletes files'],
    status: 'denied',
    requested_at: decided_at,
    expires_at: decided_at,
    decided_at,
    decided_by: 'admin',
    channel: 'api',
    reason: 'no',
    updated_input: null,
    executed: null,
    result: null,
  });

describe('the record', () => {
  it('appends turns to the day, with what was said and without what was secret', async () => {
    await registry.record.appendTurn(turn());
    await registry.record.appendTurn(
      turn({ prompt: 'use sk-ant-api03-AAAAAAAAAAAAAAAA', ended_at: '2026-11-21T09:00:00.000Z' }),
    );
    await registry.record.appendTurn(turn({ ended_at: '2026-11-22T00:00:00.000Z' }));
    expect(await toml(CONVERSATION)).toMatchObject({
      schema_version: 1,
      turns: [
        {
          turn_id: turn().id,
          prompt: 'Plan it.\n[[turns]]\nNow.',
          reply: 'Done "it".\n',
          usage: { cost_usd: 0.5 },
          ended_at: '2026-11-21T08:31:05.000Z',
        },
        { prompt: 'use [redacted:anthropic-key]' },
      ],
    });
    expect(await readFile(file(CONVERSATION), 'utf8')).toContain('ended_at = 2026-11-21T08:31:05Z\n');
    expect(await readdir(file('agents/lead/conversations'))).toEqual(['2026-11-21.toml', '2026-11-22.toml']);
  });

  it('is committed on its own ref in batches, and main does not notice', async () => {
    const head = await kit.git('rev-parse', 'main');
    await registry.record.flush();
    await registry.record.ensureAgent('lead');
    await registry.record.saveState('lead', { session_id: 'ses', status: 'idle', restart_count: 2 });
    await registry.record.appendTurn(turn());
    expect(registry.record.pending()).toBe(4);
    expect((await registry.status()).record_pending).toBe(4);
    await registry.record.flush();
    expect(registry.record.pending()).toBe(0);
    expect((await kit.git('ls-tree', '-r', '--name-only', 'record', 'agents/lead')).split('\n')).toEqual([
      'agents/lead/conversations/2026-11-21.toml',
      'agents/lead/memory.toml',
      'agents/lead/state.toml',
      'agents/lead/tasks.toml',
    ]);
    expect(await kit.git('rev-list', '--count', 'record')).toBe('2');
    expect(await kit.git('rev-parse', 'main')).toBe(head);
    expect(await kit.git('status', '--porcelain')).toBe('');
    expect(await toml('agents/lead/state.toml')).toEqual({
      schema_version: 1,
      session_id: 'ses',
      status: 'idle',
      restart_count: 2,
    });
    await registry.record.flush();
    expect(await kit.git('rev-list', '--count', 'record')).toBe('2');
  });

  it('does not write a state that is the same, nor files that are there', async () => {
    const state = { session_id: null, status: 'idle', restart_count: 0 };
    await registry.record.saveState('lead', state);
    await registry.record.ensureAgent('lead');
    await registry.record.flush();
    await registry.record.saveState('lead', state);
    await registry.record.ensureAgent('lead');
    expect(registry.record.pending()).toBe(0);
    expect(await toml('agents/lead/state.toml')).toMatchObject({ status: 'idle' });
  });

  it('commits at the next start what was written and not committed, and what was removed', async () => {
    await registry.record.ensureAgent('lead');
    await registry.close();
    await appendFile(file('agents/lead/memory.toml'), '[[facts]]\ntext = "x"\n');
    await rm(file('agents/lead/tasks.toml'));
    registry = await kit.open();
    await registry.record.flush();
    expect(await kit.git('show', 'record:agents/lead/memory.toml')).toContain('[[facts]]');
    expect(await kit.git('ls-tree', '-r', '--name-only', 'record', 'agents/lead')).not.toContain('tasks.toml');
  });

  it('starts anew from its ref when its index is damaged', async () => {
    await registry.record.ensureAgent('lead');
    await registry.record.flush();
    await writeFile(file('.git/record.index'), 'DIRC damaged');
    await registry.record.saveState('lead', { session_id: null, status: 'busy', restart_count: 1 });
    await registry.record.flush();
    expect(await kit.git('show', 'record:agents/lead/state.toml')).toContain('busy');
    expect(await kit.git('ls-tree', '-r', '--name-only', 'record')).toContain('approval-history.toml');
  });

  it('cuts a torn last entry before it appends', async () => {
    await registry.record.appendTurn(turn());
    await registry.close();
    await appendFile(file(CONVERSATION), '\n[[turns]]\nturn_id = "trn_02"\nprompt = """\nhalf a te');
    registry = await kit.open();
    await registry.record.appendTurn(turn({ text: 'second' }));
    expect(await toml(CONVERSATION)).toMatchObject({ turns: [{ reply: 'Done "it".\n' }, { reply: 'second' }] });
    expect(kit.warnings.map(({ message }) => message)).toContain('cut a torn entry from the end of a record file');
  });

  it('regression: keeps one entry of an approval that is told again with what ran', async () => {
    const decided = approval('2026-11-01T00:00:00.000Z');
    await registry.record.appendApproval(decided);
    await registry.record.appendApproval({ ...decided, id: 'apr_01J00000000000000000000009' });
    await registry.record.appendApproval({ ...decided, executed: true, result: 'made' });
    const { approvals } = (await toml('approval-history.toml')) as { approvals: { id: string }[] };
    expect(approvals).toHaveLength(2);
    expect(approvals[0]).toMatchObject({ id: decided.id, executed: true, result: 'made' });
  });

  it('keeps approvals by month', async () => {
    await registry.record.appendApproval(approval('2026-10-31T23:59:59.000Z'));
    await registry.record.appendApproval(approval('2026-11-01T00:00:00.000Z'));
    await registry.close();
    registry = await kit.open();
    await registry.record.appendApproval(approval('2026-11-02T00:00:00.000Z'));
    expect(await toml('approval-history.toml')).toMatchObject({
      month: '2026-11',
      approvals: [{ decided_at: '2026-11-01T00:00:00.000Z', decision: 'denied', decided_by: 'admin' }, {}],
    });
    expect(await toml('approval-history/2026-10.toml')).toMatchObject({
      approvals: [{ decided_at: '2026-10-31T23:59:59.000Z' }],
    });
    await registry.record.flush();
    expect(await kit.git('ls-tree', '-r', '--name-only', 'record')).toContain('approval-history/2026-10.toml');
  });

  it.each(['../x', 'a/b', '-rf', '', '..'])('refuses the agent id %j', async (id) => {
    const refused = { code: 'VALIDATION_ERROR' };
    await expect(registry.record.appendTurn(turn({ agent_id: id }))).rejects.toMatchObject(refused);
    await expect(registry.record.ensureAgent(id)).rejects.toMatchObject(refused);
    await expect(
      registry.record.saveState(id, { session_id: null, status: '', restart_count: 0 }),
    ).rejects.toMatchObject(refused);
  });

  it('regression: each change beyond so many files was a commit of its own', async () => {
    await registry.record.flush();
    const agents = Array.from({ length: 205 }, (_, n) => `agent-${n}`);
    const commits = async (): Promise<number> => Number(await kit.git('rev-list', '--count', 'record'));
    const before = await commits();
    const state = { session_id: null, status: 'idle' };
    for (let round = 0; round < 5; round += 1)
      await Promise.all(agents.map((id) => registry.record.saveState(id, { ...state, restart_count: round })));
    await registry.record.flush();
    expect((await commits()) - before).toBeLessThan(12);
  }, 60_000);

  it('keeps every turn of many written at once', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, i) => registry.record.appendTurn(turn({ text: `reply ${i}` }))));
    const { turns } = (await toml(CONVERSATION)) as { turns: { reply: string }[] };
    expect(turns.map(({ reply }) => reply)).toEqual(Array.from({ length: 50 }, (_, i) => `reply ${i}`));
  });
});

describe('what agents use of the machine', () => {
  const day = { cpu_s: 12, peak_memory_mb: 210, turns: 3, input_tokens: 10, output_tokens: 5, cost_usd: 0.25 };
  const agents = { lead: { '2026-11-20': day, '2026-11-21': { ...day, cpu_s: 1 } } };

  it('is a file of sums by agent and day, read back as it was saved', async () => {
    expect(await registry.record.readResourceUsage()).toEqual({});
    await registry.record.saveResourceUsage(agents);
    expect(await toml('resource-usage.toml')).toEqual({ schema_version: 1, agents });
    expect(await registry.record.readResourceUsage()).toEqual(agents);
    await registry.record.flush();
    await registry.record.saveResourceUsage(agents);
    expect(registry.record.pending()).toBe(0);
  });

  it('is refused when somebody has made something else of it', async () => {
    await writeFile(file('resource-usage.toml'), 'schema_version = 1\n[agents.lead.2026-11-20]\ncpu_s = "many"\n');
    await expect(registry.record.readResourceUsage()).rejects.toThrow(/expected number/);
  });
});
