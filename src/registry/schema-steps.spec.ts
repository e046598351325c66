import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { isProblem, readDocument } from './intent.js';
import { agentsFrom0, upgrade } from './schema-steps.js';
import { parseToml } from './toml/toml.js';

const OLD = `# The fleet.
schema_version = 0

# The lead plans.
[agents.lead]
name = "Lead"
system_prompt = "You plan."   # short
status = "active"
max_memory_mb = 512
note = "mine"
`;

describe('upgrade', () => {
  const up = (to: number) => (table: object) => ({ ...table, trail: `${Reflect.get(table, 'trail') ?? ''}${to}` });
  const steps = [up(1), up(2), up(3)];

  it('runs the steps that are missing, in order, and no other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), (from) => {
        const raised = upgrade({ schema_version: from, kept: 'x' }, steps);
        const trail = ['123', '23', '3', undefined][from];
        const expected = { schema_version: 3, kept: 'x', ...(trail === undefined ? {} : { trail }) };
        expect(raised).toEqual({ from, table: expected });
      }),
    );
  });

  it('takes a file that names no version for the first release, and tells a newer one', () => {
    expect(upgrade({}, steps)).toEqual({ from: 1, table: { schema_version: 3, trail: '23' } });
    expect(upgrade({ schema_version: 4 }, steps)).toEqual({ newer: 4 });
    for (const odd of ['1', -1, 0.5]) expect(upgrade({ schema_version: odd }, steps)).toMatchObject({ from: 3 });
  });
});

describe('a file of version 0', () => {
  it('becomes one of today, with its comments and unknown keys', () => {
    const read = readDocument('agents.toml', OLD);
    if (isProblem(read)) throw new Error(read.message);
    expect(read.migrated_from).toBe(0);
    expect(read.text).toContain('# The fleet.\nschema_version = 1\n');
    expect(read.text).toContain('# The lead plans.\n[agents.lead]\n');
    expect(read.text).toContain('# short');
    expect(read.unknown_keys).toEqual(['agents.lead.note']);
    expect(parseToml(read.text)).toEqual(read.table);
    expect(read.table).toEqual({
      schema_version: 1,
      agents: {
        lead: {
          name: 'Lead',
          system_prompt: 'You plan.',
          desired_state: 'active',
          note: 'mine',
          resource_limits: { max_memory_mb: 512 },
        },
      },
    });
    expect(readDocument('agents.toml', read.text)).not.toHaveProperty('migrated_from');
  });

  it('keeps what today says where both are there', () => {
    const agent = { status: 'active', desired_state: 'inactive', max_depth: 1, resource_limits: { max_depth: 2 } };
    expect(agentsFrom0({ agents: { lead: agent } })).toEqual({
      agents: { lead: { desired_state: 'inactive', resource_limits: { max_depth: 2 } } },
    });
  });
});

it('a file of a newer version names itself, the line and the remedy', () => {
  expect(readDocument('system-config.toml', '# mine\nschema_version = 7\n')).toEqual({
    file: 'system-config.toml',
    line: 2,
    field: 'schema_version',
    message: expect.stringMatching(/is 7, written by a newer Nox.*nox registry reject system-config.toml/),
  });
});
