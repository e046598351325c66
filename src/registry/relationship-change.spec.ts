import { describe, expect, it } from '@jest/globals';
import type { Actor } from '../contracts/auth.js';
import type { Relationship } from '../contracts/relationship.js';
import { addRelationshipChange, removeRelationshipsChange } from './relationship-change.js';
import type { Change } from './intent-change.js';
import { describeProblem, intentOf, isProblem, readDocument } from './intent.js';

const FILE = 'agent-relationships.toml';
const actor: Actor = { name: 'admin', role: 'admin' };
const baseOf = (text: string) => {
  const document = readDocument(FILE, text);
  if (isProblem(document)) throw new Error(describeProblem(document));
  const versions = new Map([[FILE, document] as const]);
  return { versions, intent: intentOf(versions) };
};
const textOf = (change: Change | null) => change?.documents.get(FILE)?.text;
const lead = (to: string): Relationship => ({ from: 'lead', to, type: 'supervisor', strategy: 'rest_for_one' });

const HAND_WRITTEN = `schema_version = 1

# Who works with whom.

[[relationships]]   # the first
from = "lead"
to = "one"
type = "supervisor"

# why two is here
[[relationships]]
from = "lead"
to = "two"
type = "supervisor"

[[relationships]]
from = "one"
to = "two"
type = "peer"
mood = "good"
`;

describe('relationships in the registry', () => {
  it('are added at the end; what is there stays as it is', () => {
    const change = addRelationshipChange(baseOf(HAND_WRITTEN), lead('three'), actor);
    expect(textOf(change)).toBe(
      `${HAND_WRITTEN}\n[[relationships]]\nfrom = "lead"\nto = "three"\ntype = "supervisor"\nstrategy = "rest_for_one"\n`,
    );
    expect(change.note).toMatchObject({ area: 'relationships', action: 'add', object: 'lead -> three' });
    expect(change.intent.relationships.map(({ to }) => to)).toEqual(['one', 'two', 'two', 'three']);
  });

  it('go with their comments; the others keep theirs', () => {
    const change = removeRelationshipsChange(
      baseOf(HAND_WRITTEN),
      (r) => r.from === 'lead' && r.to === 'two',
      'lead -> two',
      actor,
    );
    expect(textOf(change)).toBe(HAND_WRITTEN.replace(/# why two[^]*?"supervisor"\n\n/, ''));
  });

  it('come back to the same text when one is added and taken away', () => {
    const text = textOf(addRelationshipChange(baseOf(HAND_WRITTEN), lead('three'), actor)) ?? '';
    const back = removeRelationshipsChange(baseOf(text), (r) => r.to === 'three', 'lead -> three', actor);
    expect(textOf(back)?.trimEnd()).toBe(HAND_WRITTEN.trimEnd());
  });

  it('keep an array that is written in line', () => {
    const base = baseOf('schema_version = 1\nrelationships = [{ from = "lead", to = "one", type = "peer" }] # all\n');
    const change = addRelationshipChange(base, lead('two'), actor);
    expect(textOf(change)).toContain('# all');
    expect(baseOf(textOf(change) ?? '').intent.relationships).toHaveLength(2);
  });

  it('change nothing when there is nothing to take away', () => {
    expect(removeRelationshipsChange(baseOf(HAND_WRITTEN), () => false, 'x', actor)).toBeNull();
  });

  it.each<[Relationship, RegExp]>([
    [{ from: 'two', to: 'lead', type: 'supervisor' }, /circle of supervisors: lead is supervised by two is supervised/],
    [{ from: 'other', to: 'one', type: 'supervisor' }, /one is supervised by lead already/],
    [{ from: 'lead', to: 'lead', type: 'peer' }, /cannot be related to itself/],
    [{ from: 'one', to: 'two', type: 'peer' }, /listed twice/],
    [{ from: 'one', to: 'lead', type: 'peer', strategy: 'one_for_all' }, /strategy is for/],
  ])('refuse %j', (relationship, message) => {
    expect(() => addRelationshipChange(baseOf(HAND_WRITTEN), relationship, actor)).toThrow(message);
  });

  it('are refused in a file edited by hand, with the line', () => {
    const read = readDocument(
      FILE,
      `${HAND_WRITTEN}\n[[relationships]]\nfrom = "two"\nto = "lead"\ntype = "supervisor"\n`,
    );
    expect(isProblem(read) && describeProblem(read)).toMatch(
      /^agent-relationships\.toml:\d+: relationships\.3: a circle/,
    );
  });
});
