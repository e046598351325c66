import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Document, type IntentFile, isProblem, readDocument } from '../intent.js';
import { sameValue } from '../toml/toml.js';
import { splitEdit } from './held.js';

const doc = (file: IntentFile, text: string): Document => {
  const read = readDocument(file, text);
  if (isProblem(read)) throw new Error(`${read.file}:${read.line} ${read.field} ${read.message}`);
  return read;
};
const split = (file: IntentFile, before: string, after: string) => {
  const { live, held } = splitEdit(file, doc(file, before), doc(file, after));
  return { live: live.text, table: live.table, keys: held.map(({ key }) => key), held };
};

const AGENTS = `schema_version = 1
# The lead.
[agents.lead]
name = "Lead" # boss
created_at = 2026-01-01T00:00:00Z
last_modified = 2026-01-01T00:00:00Z
[agents.lead.resource_limits]
max_memory_mb = 512
`;
const SERVICE = `[services.svc]\nimage = "mcp/a@sha256:${'a'.repeat(64)}"\nagents = ["lead"]\n`;

describe('an edit of agents by hand', () => {
  it('is live where it says what an agent is to do', () => {
    const after = AGENTS.replace('"Lead" # boss', '"Boss" # boss\nsystem_prompt = "x"\nx_team = "blue"');
    expect(split('agents.toml', AGENTS, after)).toMatchObject({ live: after, keys: [] });
  });

  it.each([
    ['its environment', '[agents.lead.env]\nA = "env:A"\n', ['agents.lead.env.A']],
    ['its budget', '[agents.lead.budget]\nusd_per_day = 5\n', ['agents.lead.budget.usd_per_day']],
  ])('waits for %s', (_, more, keys) => {
    const after = AGENTS.replace('"Lead"', '"Boss"') + more;
    const { live, keys: found } = split('agents.toml', AGENTS, after);
    expect(found).toEqual(keys);
    expect(live).toContain('name = "Boss" # boss');
    expect(live).toContain('# The lead.');
    expect(live).not.toContain('env:A');
    expect(live).not.toContain('usd_per_day');
  });

  it('regression: does not wait for a default that is said in so many words', () => {
    const more = '[agents.new]\nname = "N"\nruntime = "claude"\n';
    expect(split('agents.toml', AGENTS, AGENTS + more)).toMatchObject({ live: AGENTS + more, keys: [] });
  });

  it('waits for a limit that is raised, lowered or taken away, and shows both values', () => {
    const raised = split('agents.toml', AGENTS, AGENTS.replace('512', '4096'));
    expect(raised.held).toEqual([{ key: 'agents.lead.resource_limits.max_memory_mb', before: 512, after: 4096 }]);
    const gone = split('agents.toml', AGENTS, AGENTS.replace('max_memory_mb = 512\n', ''));
    expect(gone.held).toEqual([{ key: 'agents.lead.resource_limits.max_memory_mb', before: 512, after: undefined }]);
    expect(gone.table).toEqual(doc('agents.toml', AGENTS).table);
  });

  it('makes an agent at once, without what waits', () => {
    const more = '[agents.new]\nname = "N"\n[agents.new.env]\nA = "env:A"\n[agents.new.resource_limits]\nx_note = 1\n';
    const { table, keys } = split('agents.toml', AGENTS, AGENTS + more);
    expect(keys).toEqual(['agents.new.env.A']);
    expect(table).toMatchObject({ agents: { new: { name: 'N', resource_limits: { x_note: 1 } } } });
  });

  it('waits for an agent with a program of its own as a whole, and takes one away at once', () => {
    const more = '[agents.new]\nname = "N"\nruntime = "command"\ncommand = ["sh"]\n';
    const { keys, live } = split('agents.toml', AGENTS, AGENTS + more);
    expect(keys).toEqual(['agents.new']);
    expect(live).toBe(AGENTS);
    expect(split('agents.toml', AGENTS, 'schema_version = 1\n')).toMatchObject({
      live: 'schema_version = 1\n',
      keys: [],
    });
  });
});

describe('an edit of the other files', () => {
  it('waits for all of the policy, rule by rule, and for their order', () => {
    const rule = (id: string, then: string) => `[[rules]]\nid = "${id}"\nwhen = {}\nthen = "${then}"\n`;
    const before = rule('a', 'deny') + rule('b', 'ask');
    const one = split(
      'approval-policy.toml',
      before,
      `# hm\n${rule('a', 'allow')}${rule('b', 'ask')}${rule('c', 'allow')}`,
    );
    expect(one).toMatchObject({ keys: ['rules.a', 'rules.c'], live: before });
    expect(split('approval-policy.toml', before, rule('b', 'ask') + rule('a', 'deny')).keys).toEqual(['rules (order)']);
    expect(split('approval-policy.toml', before, `# why\n${before}`)).toMatchObject({
      keys: [],
      live: `# why\n${before}`,
    });
  });

  it('waits for what a service is, not for who uses it', () => {
    const other = SERVICE.replace('aaaa', 'bbbb').replace('"lead"', '"lead", "worker"');
    const { keys, live } = split('mcp-services.toml', SERVICE, other);
    expect(keys).toEqual(['services.svc.image']);
    expect(live).toBe(SERVICE.replace('"lead"', '"lead", "worker"'));
    expect(split('mcp-services.toml', '', SERVICE).keys).toEqual(['services.svc']);
    expect(split('mcp-services.toml', SERVICE, 'schema_version = 1\n').keys).toEqual([]);
  });

  it('waits for every setting that is not known to be harmless', () => {
    const after = `[agents]
hibernate_after_s = 5
allowed_roots = ["/"]
confine = "off"
[claude_cli]
pass_env = ["*"]
[logging]
level = "debug"
[auth]
access_token_s = 60
[git]
remote = "https://example.org/x.git"
push_every_s = 5
[server]
host = "0.0.0.0"
x_note = "mine"
`;
    const { keys, table } = split('system-config.toml', 'schema_version = 1\n', `schema_version = 1\n${after}`);
    expect(keys.sort()).toEqual([
      'agents.allowed_roots',
      'agents.confine',
      'auth.access_token_s',
      'claude_cli.pass_env',
      'git.remote',
      'server.host',
    ]);
    expect(table).toEqual({
      schema_version: 1,
      agents: { hibernate_after_s: 5 },
      logging: { level: 'debug' },
      git: { push_every_s: 5 },
      server: { x_note: 'mine' },
    });
  });

  it('never puts in force what is not live, whatever is edited', () => {
    const value = fc.record(
      {
        name: fc.constantFrom('A', 'B'),
        runtime: fc.constantFrom('claude', 'command'),
        priority: fc.constantFrom('high', 'low'),
        env: fc.dictionary(fc.constantFrom('A', 'B'), fc.constantFrom('env:A', 'file:b')),
        resource_limits: fc.record({ max_depth: fc.nat(5) }, { requiredKeys: [] }),
        command: fc.constant(['sh']),
        x: fc.nat(3),
      },
      { requiredKeys: ['name'] },
    );
    const agents = fc.dictionary(fc.constantFrom('one', 'two', 'three'), value).map((all) => {
      const text = Object.entries(all)
        .map(([id, { env, resource_limits, ...rest }]) => {
          const rows = Object.entries({
            ...rest,
            created_at: '2026-01-01T00:00:00Z',
            last_modified: '2026-01-01T00:00:00Z',
          });
          const inner = (table: object): string =>
            `{ ${Object.entries(table)
              .map(([key, each]) => `${key} = ${JSON.stringify(each)}`)
              .join(', ')} }`;
          const tables = Object.entries({ env, resource_limits }).flatMap(([key, table]) =>
            table === undefined ? [] : [`${key} = ${inner(table)}\n`],
          );
          return `[agents.${id}]\n${rows.map(([key, each]) => `${key} = ${JSON.stringify(each)}\n`).join('')}${tables.join('')}`;
        })
        .join('\n');
      return doc('agents.toml', `schema_version = 1\n${text}`);
    });
    const guarded = (document: Document, id: string) => {
      const all = document.table['agents'] as Record<string, Record<string, unknown>> | undefined;
      const { env, resource_limits, command, runtime } = all?.[id] ?? {};
      const filled = (table: unknown) =>
        table !== undefined && Object.keys(table as object).length > 0 ? table : undefined;
      // Said or not, it is the one that every agent has without a word.
      return { env: filled(env), limits: filled(resource_limits), command, runtime: runtime ?? 'claude' };
    };
    fc.assert(
      fc.property(agents, agents, (in_force, edited) => {
        const { live, held } = splitEdit('agents.toml', in_force, edited);
        for (const id of Object.keys((live.table['agents'] ?? {}) as object)) {
          const was = (in_force.table['agents'] as object | undefined) ?? {};
          // What is new stands there with nothing that waits; what was there keeps what it had.
          const expected =
            id in was ? guarded(in_force, id) : { env: undefined, limits: undefined, command: undefined };
          expect(guarded(live, id)).toMatchObject(expected);
        }
        // Accepted in full it is what was written, and nothing waits any more.
        expect(splitEdit('agents.toml', edited, edited).held).toEqual([]);
        if (held.length === 0) expect(sameValue(live.table, edited.table)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
