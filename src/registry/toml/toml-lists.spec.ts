import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { editToml } from './toml-edit.js';
import { parseToml, type TomlTable } from './toml.js';

const POLICY = `schema_version = 1
# Read this first.

# Tests may run.
[[rules]]
id = "tests" # of the project
when = { tool = "Bash" }
then = "allow"

# --- careful below ---

# Nothing is pushed.
[[rules]]
id = "push"
then = "deny"
[rules.when]
tool = "Bash" # any

[defaults]
unknown = "ask" # the person
`;
const rules = (text: string): TomlTable[] => parseToml(text)['rules'] as TomlTable[];
const edit = (change: (list: TomlTable[]) => TomlTable[]): string =>
  editToml(POLICY, parseToml(POLICY), { ...parseToml(POLICY), rules: change(rules(POLICY)) });

describe('a list of tables', () => {
  it('regression: keeps the comments of its items when one of them changes', () => {
    const after = edit(([tests = {}, push = {}]) => [tests, { ...push, then: 'ask' }]);
    expect(after).toBe(POLICY.replace('then = "deny"', 'then = "ask"'));
  });

  it('changes tables inside an item, and adds keys', () => {
    const after = edit(([tests = {}, push = {}]) => [
      { ...tests, reason: 'r' },
      { ...push, when: { tool: 'Write' } },
    ]);
    expect(after).toBe(
      POLICY.replace('then = "allow"\n', 'then = "allow"\nreason = "r"\n').replace(
        'tool = "Bash" # any',
        'tool = "Write" # any',
      ),
    );
  });

  it('adds an item where it belongs and takes one away with its comments', () => {
    const young = { id: 'new', then: 'ask' };
    const after = edit(([tests = {}]) => [young, tests]);
    expect(rules(after)).toEqual([young, rules(POLICY)[0]]);
    expect(after).toContain('# Tests may run.\n[[rules]]\nid = "tests" # of the project');
    expect(after).toContain('# --- careful below ---');
    expect(after).not.toContain('# Nothing is pushed.');
    expect(after).toContain('unknown = "ask" # the person');
  });

  it('takes the comments along when the order changes', () => {
    const after = edit((list) => list.toReversed());
    expect(rules(after)).toEqual(rules(POLICY).toReversed());
    for (const comment of POLICY.match(/#.*/g) ?? []) expect(after).toContain(comment);
    expect(after.indexOf('# Nothing is pushed.\n[[rules]]\nid = "push"')).toBeLessThan(
      after.indexOf('# Tests may run.'),
    );
  });

  it('holds exactly the wanted data, and the comments of all that stays', () => {
    const item = fc.record(
      {
        id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        then: fc.constantFrom('allow', 'deny', '# no comment', '[[rules]]'),
        when: fc.record({ tool: fc.constantFrom('x', ']]'), n: fc.nat(3) }, { requiredKeys: ['tool'] }),
      },
      { requiredKeys: ['id'] },
    );
    const list = fc.uniqueArray(item, { selector: ({ id }) => id, minLength: 1, maxLength: 5 });
    const written = (items: readonly { id: string; then?: string; when?: object }[]): string =>
      items
        .map(({ id, then, when }) => {
          const rows = then === undefined ? '' : `then = ${JSON.stringify(then)}\n`;
          const rest = Object.entries(when ?? {}).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
          return `\n# above ${id}\n[[rules]]\nid = ${JSON.stringify(id)} # at ${id}\n${rows}${when === undefined ? '' : `[rules.when]\n${rest.join('')}`}`;
        })
        .join('');
    fc.assert(
      fc.property(list, list, (before, after) => {
        const text = `x = 1\n${written(before)}\n[defaults]\ny = 2\n`;
        const table = parseToml(text);
        const edited = editToml(text, table, { ...table, rules: after });
        expect(parseToml(edited)).toEqual({ ...table, rules: after });
        for (const { id } of before.filter((old) => after.some((young) => young.id === old.id)))
          expect(edited).toContain(`# above ${id}\n[[rules]]\nid = "${id}" # at ${id}\n`);
      }),
      { numRuns: 300 },
    );
  });
});
