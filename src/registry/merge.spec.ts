import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mergeTables } from './merge.js';
import type { TomlTable } from './toml/toml.js';

const base: TomlTable = {
  schema_version: 1,
  agents: { lead: { name: 'Lead', model: 'a', last_modified: '1' }, worker: { name: 'Worker' } },
};
const withLead = (lead: TomlTable): TomlTable => ({ ...base, agents: { ...(base['agents'] as TomlTable), lead } });
const lead = { name: 'Lead', model: 'a', last_modified: '1' };

describe('mergeTables', () => {
  it('takes from each side what only that side changed', () => {
    const ours = withLead({ ...lead, model: 'b', last_modified: '3' });
    const theirs = withLead({ ...lead, name: 'Boss', cwd: 'x', last_modified: '2' });
    expect(mergeTables(base, ours, theirs)).toEqual({
      table: withLead({ name: 'Boss', model: 'b', cwd: 'x', last_modified: '3' }),
      conflicts: [],
    });
  });

  it('names a key that both changed, with the three values, and keeps ours', () => {
    const { table, conflicts } = mergeTables(
      base,
      withLead({ ...lead, model: 'b' }),
      withLead({ ...lead, model: 'c' }),
    );
    expect(conflicts).toEqual([{ key: 'agents.lead.model', base: 'a', ours: 'b', theirs: 'c' }]);
    expect(table).toEqual(withLead({ ...lead, model: 'b' }));
  });

  it('takes the side that was chosen for a key', () => {
    const choose = ({ key }: { key: string }) => (key === 'agents.lead.model' ? 'theirs' : undefined);
    const theirs = withLead({ ...lead, model: 'c' });
    expect(mergeTables(base, withLead({ ...lead, model: 'b' }), theirs, choose)).toEqual({
      table: theirs,
      conflicts: [],
    });
  });

  it('has one conflict for a table that one side removed and the other changed', () => {
    const ours: TomlTable = { ...base, agents: { worker: { name: 'Worker' } } };
    const theirs = withLead({ ...lead, model: 'c' });
    expect(mergeTables(base, ours, theirs).conflicts.map(({ key }) => key)).toEqual(['agents.lead']);
  });

  it('merges rules by their id and keeps the order of the first match', () => {
    const rule = (id: string, then = 'ask') => ({ id, when: {}, then });
    const rules = (...list: TomlTable[]): TomlTable => ({ rules: list });
    const merged = mergeTables(
      rules(rule('one'), rule('two')),
      rules(rule('zero'), rule('one', 'deny'), rule('two')),
      rules(rule('one'), rule('half'), rule('two', 'allow')),
    );
    expect(merged).toEqual({
      table: rules(rule('zero'), rule('one', 'deny'), rule('half'), rule('two', 'allow')),
      conflicts: [],
    });
  });

  const values = fc.oneof(fc.integer(), fc.string(), fc.boolean());
  const tables = fc.dictionary(
    fc.constantFrom('a', 'b', 'c'),
    fc.oneof(values, fc.dictionary(fc.constantFrom('d', 'e'), values)),
  ) as fc.Arbitrary<TomlTable>;

  it('gives back the side that changed alone, and finds the same conflicts from both sides', () => {
    fc.assert(
      fc.property(tables, tables, tables, (old, left, right) => {
        expect(mergeTables(old, left, old)).toEqual({ table: left, conflicts: [] });
        expect(mergeTables(old, old, right)).toEqual({ table: right, conflicts: [] });
        expect(mergeTables(old, left, left)).toEqual({ table: left, conflicts: [] });
        const keys = (one: TomlTable, other: TomlTable) => mergeTables(old, one, other).conflicts.map(({ key }) => key);
        expect(keys(left, right).sort()).toEqual(keys(right, left).sort());
        const { table } = mergeTables(old, left, right, () => 'theirs');
        for (const [key, value] of Object.entries(right)) {
          if (typeof value !== 'object' && value !== old[key]) expect(table[key]).toEqual(value);
        }
      }),
    );
  });
});
