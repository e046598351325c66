import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { editToml } from './toml-edit.js';
import { formatTable } from './toml-format.js';
import { lineOf } from './toml-scan.js';
import { parseToml, type TomlTable, TomlProblem, type TomlValue } from './toml.js';

const FILE = `schema_version = 1

# The lead plans and never touches code.
[agents.lead]
name = "Lead"   # a person's name
system_prompt = """
You plan.
[agents.fake]
"""
capabilities = [
  "planning", # first
  "review",
]
created_at = 2026-11-21T08:00:00Z

[agents.lead.resource_limits]
max_memory_mb = 2048 # enough
x_unknown = 3

# Free text between two agents.

# The worker works.
[agents.worker]
name = 'W'
# said by Ann
`;

const change = (text: string, mutate: (agents: Record<string, Record<string, unknown>>) => void): string => {
  const before = parseToml(text);
  const after = structuredClone(before) as unknown as { agents: Record<string, Record<string, unknown>> };
  mutate(after.agents);
  return editToml(text, before, after as unknown as TomlTable);
};

describe('editToml', () => {
  it('changes only the value that changed', () => {
    const edited = change(FILE, (agents) => {
      agents['lead'] = { ...agents['lead'], name: 'Boss' };
    });
    expect(edited).toBe(FILE.replace('"Lead"', '"Boss"'));
  });

  it('writes new keys into their table and new tables behind it', () => {
    const edited = change(FILE, (agents) => {
      agents['lead'] = {
        ...agents['lead'],
        priority: 'high',
        idle: { hibernate_after_s: 5 },
        env: { TOKEN: 'env:TOKEN' },
      };
    });
    expect(edited).toContain('created_at = 2026-11-21T08:00:00Z\npriority = "high"\n');
    expect(edited).toContain(
      'x_unknown = 3\n\n[agents.lead.idle]\nhibernate_after_s = 5\n\n[agents.lead.env]\nTOKEN = "env:TOKEN"\n\n# Free text between two agents.',
    );
  });

  it('writes new keys and a new table at the end of the text without losing a comment', () => {
    const edited = change(FILE, (agents) => {
      agents['worker'] = { ...agents['worker'], idle: { hibernate_after_s: 5 }, priority: 'low' };
    });
    expect(edited).toBe(
      FILE.replace(
        /(name = 'W'\n)(# said by Ann\n)/,
        '$1priority = "low"\n$2\n[agents.worker.idle]\nhibernate_after_s = 5\n',
      ),
    );
  });

  it('leaves a time that stands there as a text what it is', () => {
    const edited = change('[agents.a]\ncreated_at = "2026-11-21T08:00:00Z"\n', (agents) => {
      agents['b'] = { created_at: '2026-11-21T08:00:00Z', last_modified: '2026-11-21T08:00:00.000Z' };
    });
    expect(edited).toContain('[agents.b]\ncreated_at = "2026-11-21T08:00:00Z"\nlast_modified = 2026-11-21T08:00:00Z\n');
  });

  it('removes a table with the comments that touch it and keeps the others', () => {
    const edited = change(FILE, (agents) => delete agents['lead']);
    expect(edited).toBe(
      `schema_version = 1\n\n# Free text between two agents.\n\n# The worker works.\n[agents.worker]\nname = 'W'\n# said by Ann\n`,
    );
  });

  it('keeps the comments behind the last entry with their table', () => {
    expect(change(FILE, (agents) => delete agents['worker'])).not.toContain('said by Ann');
  });

  it('writes a text of several lines as a block', () => {
    const edited = change(FILE, (agents) => {
      agents['worker'] = { ...agents['worker'], system_prompt: 'You work.\nQuietly.\n' };
    });
    expect(edited).toContain('system_prompt = """\nYou work.\nQuietly.\n"""\n');
  });

  it.each(['\n"', '\n"""', '\n""""', '\n"""""""', '\n\\"""'])(
    'writes the quotes at the end of %j so that they come back',
    (text) => {
      expect(parseToml(formatTable([], { text }))).toEqual({ text });
    },
  );

  it('appends a new agent at the end', () => {
    const edited = change(FILE, (agents) => {
      agents['helper'] = {
        name: 'H',
        created_at: '2026-11-21T08:00:00.000Z',
        restart: { backoff_ms: { initial: 10 } },
      };
    });
    expect(edited).toBe(
      `${FILE}\n[agents.helper]\nname = "H"\ncreated_at = 2026-11-21T08:00:00Z\n\n[agents.helper.restart]\nbackoff_ms = { initial = 10 }\n`,
    );
  });

  it.each([
    ['dotted keys', '[agents]\nlead.name = "a"\nlead.x = 1\n'],
    ['inline tables', 'agents = { lead = { name = "a" } }\n'],
    ['quoted keys', '[agents."lead"]\n"name" = "a"\n'],
    ['an empty table', '[agents.lead]'],
    ['CRLF', '[agents.lead]\r\nname = "a"\r\n\r\n[agents.other]\r\n'],
    ['a BOM', '\u{feff}[agents.lead]\nname = "a"\n'],
  ])('keeps the data of %s', (_, text) => {
    const edited = change(text, (agents) => {
      agents['lead'] = { ...agents['lead'], name: 'b', idle: { hibernate_after_s: 1 } };
      agents['new'] = { name: 'n' };
    });
    expect(parseToml(edited)).toMatchObject({
      agents: { lead: { name: 'b', idle: { hibernate_after_s: 1 } }, new: { name: 'n' } },
    });
  });

  const key = fc
    .oneof(fc.constantFrom('name', 'system_prompt', 'env', 'a.b', 'x y'), fc.string({ maxLength: 6 }))
    .filter((k) => k !== '__proto__' && !/\p{Surrogate}/u.test(k) && !/(_at|last_modified)$/.test(k));
  const text = fc
    .string({
      unit: fc.oneof(
        fc.constantFrom('"', "'", '\\', '\n', '\r', '[', ']', '#', ' ', '\t', '\0', '='),
        fc.string({ maxLength: 1, minLength: 1, unit: 'binary' }),
      ),
    })
    .filter((s) => !/\p{Surrogate}/u.test(s));
  const leaf = fc.oneof(
    text,
    fc.integer(),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((d) => !Number.isInteger(d)),
    fc.array(text, { maxLength: 3 }),
  );
  const table = (depth: number): fc.Arbitrary<TomlTable> =>
    fc.dictionary(key, depth === 0 ? leaf : fc.oneof(leaf, table(depth - 1)), { maxKeys: 4, noNullPrototype: true });

  it('holds exactly the wanted data after any edit', () => {
    fc.assert(
      fc.property(table(3), table(3), (before, after) => {
        const written = formatTable([], before);
        expect(parseToml(written)).toEqual(before);
        expect(parseToml(editToml(written, before, after))).toEqual(after);
      }),
      { numRuns: 300 },
    );
  });

  it('follows any row of changes of single tables, and keeps the comments of the others', () => {
    const keys = fc.constantFrom('k', 'l', 'm');
    const flat = fc.dictionary(keys, leaf, { noNullPrototype: true });
    const step = fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.option(flat) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let text = '# head\n\n# of x\n[agents.x]\nk = 1\n\n[other] # other\nk = 2\n# end\n';
        let data = parseToml(text);
        for (const { id, value } of steps) {
          const agents: Record<string, TomlValue> = { ...(data['agents'] as TomlTable) };
          if (value === null) delete agents[id];
          else agents[id] = value;
          const next = { ...data, agents };
          text = editToml(text, data, next);
          data = next;
          expect(parseToml(text)).toEqual(data);
          for (const comment of ['# head\n', '# of x\n', ' # other\n', '# end\n']) expect(text).toContain(comment);
        }
      }),
    );
  });

  it('round-trips any prompt', () => {
    fc.assert(
      fc.property(text, (prompt) => {
        const edited = change(FILE, (agents) => {
          agents['lead'] = { ...agents['lead'], system_prompt: prompt };
        });
        expect(parseToml(edited)).toMatchObject({ agents: { lead: { system_prompt: prompt } } });
        expect(edited).toContain('# Free text between two agents.');
        expect(edited).toContain('# a person');
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseToml', () => {
  it('names the line of what it cannot read', () => {
    const problem = (() => {
      try {
        return parseToml('a = 1\nb = [1 #');
      } catch (error) {
        return error;
      }
    })();
    expect(problem).toBeInstanceOf(TomlProblem);
    expect(problem).toMatchObject({ line: 2 });
  });

  it('throws nothing but TomlProblem', () => {
    const hostile = [
      'x=' + '['.repeat(100_000),
      '[agents.__proto__]\nx = 1',
      '<<<<<<< HEAD',
      'd = 0000-00-00',
      'a = 1e999 x',
    ];
    for (const text of hostile) expect(() => parseToml(text)).toThrow(TomlProblem);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          parseToml(text);
        } catch (error) {
          expect(error).toBeInstanceOf(TomlProblem);
        }
      }),
    );
  });
});

describe('keys that every object inherits', () => {
  it.each([
    'constructor.x = 1',
    '[a.constructor]\nx = 1',
    '[[constructor]]\nx = 1',
    'a = { b = 1, constructor.x = 1 }',
    'a = { "constructor" . x = 1 }',
    '[a."constr\\u0075ctor"]\nx = 1',
    "['toString']\nx = 1",
    '__proto__.x = 1',
  ])('are refused in %j, and nothing global changes', (text) => {
    expect(() => parseToml(text)).toThrow(/is not allowed/);
    expect(Object.keys(Object)).toEqual([]);
    expect(Object.keys({}.constructor)).toEqual([]);
  });

  it('are welcome in texts', () => {
    const text = `a = "constructor" # toString\nb = ["x", "valueOf"]\nc = """\n[constructor]\nconstructor.x = 1\n"""\n`;
    expect(parseToml(text)).toEqual({ a: 'constructor', b: ['x', 'valueOf'], c: '[constructor]\nconstructor.x = 1\n' });
  });
});

describe('lineOf', () => {
  it('finds a key, else its table, else the top', () => {
    expect(lineOf(FILE, ['agents', 'lead', 'resource_limits', 'max_memory_mb'])).toBe(17);
    expect(lineOf(FILE, ['agents', 'worker', 'runtime'])).toBe(23);
    expect(lineOf(FILE, ['nothing'])).toBe(1);
  });
});
