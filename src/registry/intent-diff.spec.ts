import { describe, expect, it } from '@jest/globals';
import { diffFiles } from './intent-diff.js';

const AGENT = '[agents.lead]\nname = "Lead"\ncreated_at = 2026-01-01T00:00:00Z\nlast_modified = 2026-01-01T00:00:00Z\n';
const diff = (file: string, before: string, after: string): object[] =>
  diffFiles(new Map([[file, before]]), new Map([[file, after]]));

describe('diffFiles', () => {
  it('names fields of an agent that changed, but not the time of the change', () => {
    const after = `${AGENT.replace('"Lead"', '"Boss"').replace('last_modified = 2026', 'last_modified = 2027')}[agents.lead.restart]\npolicy = "no"\n`;
    expect(diff('agents.toml', AGENT, after)).toEqual([
      {
        kind: 'agent',
        id: 'lead',
        change: 'changed',
        fields: expect.arrayContaining([
          { field: 'name', before: 'Lead', after: 'Boss' },
          { field: 'restart.policy', before: null, after: 'no' },
        ]),
      },
    ]);
  });

  it('tells what came and what went', () => {
    const other = AGENT.replace('lead]', 'worker]');
    expect(diff('agents.toml', AGENT, other)).toMatchObject([
      { id: 'lead', change: 'removed' },
      {
        id: 'worker',
        change: 'added',
        fields: expect.arrayContaining([{ field: 'name', before: null, after: 'Lead' }]),
      },
    ]);
  });

  it('names the file when only a comment changed, or one side does not fit', () => {
    const file = { kind: 'file', id: 'agents.toml', change: 'changed', fields: [] };
    expect(diff('agents.toml', AGENT, `# a\n${AGENT}`)).toEqual([file]);
    expect(diff('agents.toml', AGENT, '<<<<')).toEqual([file]);
    expect(diff('agents.toml', AGENT, AGENT)).toEqual([]);
  });

  it('knows settings, rules, relationships and services', () => {
    expect(diff('system-config.toml', '', '[server]\nport = 1\n')).toEqual([
      {
        kind: 'config',
        id: 'system-config',
        change: 'changed',
        fields: [{ field: 'server.port', before: 3000, after: 1 }],
      },
    ]);
    const rule = '[[rules]]\nid = "tests"\nwhen = { tool = "Bash" }\nthen = "ask"\n';
    expect(diff('approval-policy.toml', rule, rule.replace('ask', 'allow'))).toEqual([
      { kind: 'policy', id: 'tests', change: 'changed', fields: [{ field: 'then', before: 'ask', after: 'allow' }] },
    ]);
    const link = '[[relationships]]\nfrom = "lead"\nto = "worker"\ntype = "peer"\n';
    expect(diff('agent-relationships.toml', '', link)).toMatchObject([
      { kind: 'relationships', id: 'lead -> worker', change: 'added' },
    ]);
    const service = `[services.github]\nimage = "x@sha256:${'a'.repeat(64)}"\n`;
    expect(diff('mcp-services.toml', service, '')).toMatchObject([
      { kind: 'service', id: 'github', change: 'removed' },
    ]);
  });
});
