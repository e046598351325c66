import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Document, isProblem, readDocument } from '../intent.js';
import { editToml } from '../toml/toml-edit.js';
import type { TomlTable } from '../toml/toml.js';
import { type Adoption, adoptionOf, afterWrite } from './adoption.js';
import { baseOf, type Version } from './base.js';

const doc = (text: string): Document => {
  const read = readDocument('agents.toml', text);
  if (isProblem(read)) throw new Error(read.message);
  return read;
};
const NOW = { ms: 1_000_000, iso: '2026-01-02T00:00:00.000Z' };
const stamp = (n: number): string => `2026-01-01T00:00:0${n}.000Z`;
const agent = (id: string, name: string, at = 0, more = ''): string =>
  `[agents.ag-${id}]\nname = "${name}" # of ${id}\n${more}created_at = ${stamp(0)}\nlast_modified = ${stamp(at)}\n`;
const file = (...agents: string[]): Document => doc(`schema_version = 1\n${agents.join('\n')}`);

const adopt = (edited: Document, current: Document, ...older: Document[]): Adoption => {
  const versions: [Version, ...Version[]] = [
    current,
    ...older.map(({ text, table }) => ({ text, table, until_ms: NOW.ms - 1000 })),
  ];
  const result = adoptionOf('agents.toml', edited, { in_force: current, versions }, NOW);
  if (isProblem(result)) throw new Error(result.message);
  return result;
};
const names = ({ on_disk }: Adoption): Record<string, string> => {
  const agents = on_disk.table['agents'] as Record<string, { name: string }>;
  return Object.fromEntries(Object.entries(agents).map(([id, { name }]) => [id.slice(3), name]));
};

describe('an edit that was begun before a write', () => {
  const first = file(agent('a', 'A'), agent('b', 'B'));

  it('keeps what the write changed, and its own change', () => {
    const written = file(agent('a', 'A by API', 1), agent('b', 'B'));
    const edited = file(agent('a', 'A'), agent('b', 'B by hand'));
    const adoption = adopt(edited, written, first);
    expect(names(adoption)).toEqual({ a: 'A by API', b: 'B by hand' });
    expect(adoption).toMatchObject({ merged: true, conflicts: [] });
    expect(adoption.on_disk.text).toContain('"B by hand" # of b');
  });

  it('keeps an agent that the write made', () => {
    const written = file(agent('a', 'A'), agent('b', 'B'), agent('c', 'C'));
    expect(names(adopt(file(agent('a', 'A'), agent('b', 'B by hand')), written, first))).toEqual({
      a: 'A',
      b: 'B by hand',
      c: 'C',
    });
  });

  it('has the key that both changed, and says so', () => {
    const adoption = adopt(
      file(agent('a', 'by hand'), agent('b', 'B')),
      file(agent('a', 'by API', 1), agent('b', 'B')),
      first,
    );
    expect(names(adoption)).toMatchObject({ a: 'by hand' });
    expect(adoption.conflicts).toMatchObject([
      { key: 'agents.ag-a.name', base: 'A', ours: 'by API', theirs: 'by hand' },
    ]);
  });
});

describe('an edit that was begun after a write', () => {
  const first = file(agent('a', 'A'), agent('b', 'B'));
  const written = file(agent('a', 'A by API', 1), agent('b', 'B'));

  it('takes back what the write did, when it says so', () => {
    const edited = file(agent('a', 'A', 1), agent('b', 'B by hand'));
    const adoption = adopt(edited, written, first);
    expect(names(adoption)).toEqual({ a: 'A', b: 'B by hand' });
    expect(adoption.merged).toBe(false);
  });

  it('may bring an old version back, to the letter', () => {
    expect(names(adopt(first, written, first))).toEqual({ a: 'A', b: 'B' });
  });

  it('may take back what an earlier edit did', () => {
    const before = { text: first.text, table: first.table, until_ms: NOW.ms, replaced_by: 'hand' } as const;
    const edited = file(agent('a', 'A'), agent('b', 'by hand'));
    const more = doc(edited.text.replace('name = "A"', 'name = "A"\nmodel = "m"\ncwd = "x"'));
    const result = adoptionOf('agents.toml', edited, { in_force: more, versions: [more, before] }, NOW);
    expect(result).toMatchObject({ merged: false, on_disk: { text: edited.text } });
  });

  it('may take an agent away', () => {
    expect(names(adopt(file(agent('a', 'A by API', 1)), written, first))).toEqual({ a: 'A by API' });
  });
});

describe('baseOf', () => {
  it('does not look for old versions for ever where nothing proves them', () => {
    const read = (text: string) => ({ text, table: doc(text).table });
    const [first, second] = [read('schema_version = 1\nx = 1\n'), read('schema_version = 1\nx = 1\ny = 1\n')];
    const edited = read('schema_version = 1\nx = 1\nz = 1\n');
    const base = (ago_ms: number) =>
      baseOf('agent-relationships.toml', [second, { ...first, until_ms: NOW.ms - ago_ms }], edited, NOW.ms);
    expect(base(1000).text).toBe(first.text);
    expect(base(3_600_000).text).toBe(second.text);
  });

  it('finds the version from which a text was made, whatever was written since', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const write = fc.record({
      id: fc.constantFrom(...ids),
      name: fc.string({ minLength: 1, maxLength: 5, unit: fc.constantFrom('x', 'y', 'z') }),
    });
    fc.assert(
      fc.property(fc.array(write, { minLength: 1, maxLength: 6 }), write, fc.nat(5), (writes, hand, back) => {
        const set = (from: Document, id: string, name: string, at?: string): Document => {
          const agents = from.table['agents'] as Record<string, TomlTable>;
          const changed = {
            ...agents[`ag-${id}`],
            name,
            ...(at === undefined ? {} : { last_modified: at }),
          } as TomlTable;
          return doc(editToml(from.text, from.table, { ...from.table, agents: { ...agents, [`ag-${id}`]: changed } }));
        };
        const history = [file(...ids.map((id) => agent(id, id)))];
        writes.forEach(({ id, name }, n) => history.unshift(set(history[0] as Document, id, name, stamp(n + 1))));
        const base = history[Math.min(back, history.length - 1)] as Document;
        const [current, ...older] = history as [Document, ...Document[]];
        const edited = set(base, hand.id, `by hand ${hand.name}`);
        const result = adopt(edited, current, ...older);
        // Nothing of either side is lost: every agent has the name that was given last.
        const written = new Map(Object.entries(current.table['agents'] as Record<string, { name: string }>));
        for (const [id, name] of Object.entries(names(result)))
          expect(name).toBe(id === hand.id ? `by hand ${hand.name}` : written.get(`ag-${id}`)?.name);
        for (const id of ids) expect(result.on_disk.text).toContain(`# of ${id}`);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a write while an edit waits', () => {
  const in_force = file(agent('a', 'A'), agent('b', 'B'));
  const waiting = doc(in_force.text + '\n# why\n[agents.ag-b.env]\nT = "env:T"\n');

  it('leaves the edit waiting, with its comments', () => {
    const after = file(agent('a', 'A2', 1), agent('b', 'B'));
    const { on_disk, held, conflicts } = afterWrite('agents.toml', in_force, after, waiting);
    expect(on_disk.text).toContain('name = "A2"');
    expect(on_disk.text).toContain('# why');
    expect(held.map(({ key }) => key)).toEqual(['agents.ag-b.env.T']);
    expect(conflicts).toEqual([]);
  });

  it('has the key that both changed', () => {
    const after = doc(in_force.text + '\n[agents.ag-b.env]\nT = "env:OTHER"\n');
    const { on_disk, held, conflicts } = afterWrite('agents.toml', in_force, after, waiting);
    expect([on_disk.text.includes('env:OTHER'), held]).toEqual([true, []]);
    expect(conflicts).toMatchObject([{ key: 'agents.ag-b.env.T' }]);
  });

  it('does not let what it took away come back', () => {
    const { on_disk, held } = afterWrite('agents.toml', in_force, file(agent('a', 'A')), waiting);
    expect(Object.keys(on_disk.table['agents'] as object)).toEqual(['ag-a']);
    expect(held).toEqual([]);
  });
});
