import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { agentsOf, describeProblem, INTENT_FILES, type IntentFile, isProblem, readDocument } from './intent.js';

const problemOf = (file: IntentFile, text: string): string => {
  const read = readDocument(file, text);
  return isProblem(read) ? describeProblem(read) : 'fits';
};

describe('readDocument', () => {
  it.each(INTENT_FILES)('takes the template of %s, without unknown keys', (file) => {
    const text = readFileSync(join(import.meta.dirname, '../../registry-template', file), 'utf8');
    expect(readDocument(file, text)).toMatchObject({ text, unknown_keys: [] });
  });

  it.each<[IntentFile, string, string]>([
    ['agents.toml', '[agents.lead]\nname = ""\n', 'agents.toml:2: agents.lead.name: '],
    ['agents.toml', '[agents.lead]\nruntime = "claude"\n', 'agents.toml:1: agents.lead.name: '],
    ['agents.toml', '\n[agents.UPPER]\nname = "x"\n', 'agents.toml:2: agents.UPPER: must be 3 to 50 characters'],
    ['agents.toml', '[agents.health]\nname = "x"\n', 'agents.toml:1: agents.health: is a reserved word'],
    ['agents.toml', 'schema_version = 2\n', 'agents.toml:1: schema_version: is 2, written by a newer Nox'],
    ['agents.toml', '[agents.lead]\nname = "x"\nname = "y"\n', 'agents.toml:3: '],
    [
      'agents.toml',
      '[agents.lead]\nname = "x"\n[agents.lead.resource_limits]\nmax_memory_mb = inf\n',
      'agents.toml:4: agents.lead.resource_limits.max_memory_mb: ',
    ],
    ['system-config.toml', '[server]\nport = 70000\n', 'system-config.toml:2: server.port: '],
    [
      'agent-relationships.toml',
      '[[relationships]]\nfrom = "lead"\nto = "worker"\ntype = "friend"\n',
      'agent-relationships.toml:1: relationships.0.type: ',
    ],
    [
      'approval-policy.toml',
      '[[rules]]\nid = "a"\nwhen = { tool = "Bash" }\nthen = "maybe"\n',
      'approval-policy.toml:1: rules.0.then: ',
    ],
    [
      'mcp-services.toml',
      '[services.github]\nimage = "evil:latest"\n',
      'mcp-services.toml:2: services.github.image: must name a digest',
    ],
  ])('names file, line and field of %s %j', (file, text, expected) => {
    expect(problemOf(file, text)).toContain(expected);
  });

  it.each(['NODE_OPTIONS', 'LD_PRELOAD', 'GIT_SSH_COMMAND', 'ANTHROPIC_BASE_URL', 'PATH'])(
    'refuses the variable %s',
    (name) => {
      expect(problemOf('agents.toml', `[agents.lead]\nname = "x"\nenv = { ${name} = "env:X" }\n`)).toContain(
        'is set by Nox',
      );
    },
  );

  it('keeps unknown keys and names them', () => {
    const text = 'x_top = 1\n[agents.lead]\nname = "x"\nteam = "blue"\n[agents.lead.resource_limits]\nmax_gpus = 1\n';
    expect(readDocument('agents.toml', text)).toMatchObject({
      unknown_keys: ['x_top', 'agents.lead.team', 'agents.lead.resource_limits.max_gpus'],
    });
  });

  it('gives an agent without times the beginning of time', () => {
    const read = readDocument('agents.toml', '[agents.lead]\nname = "x"\n');
    if (isProblem(read)) throw new Error(read.message);
    expect(agentsOf(read).get('lead')).toMatchObject({ created_at: '1970-01-01T00:00:00.000Z' });
  });
});
