import { describe, expect, it } from '@jest/globals';
import type { Relationship } from '@contracts/relationship.js';
import { groupOf } from './groups.js';

const over = (from: string, to: string, strategy?: Relationship['strategy']): Relationship => ({
  from,
  to,
  type: 'supervisor',
  ...(strategy !== undefined && { strategy }),
});

describe('the group of an agent', () => {
  const list = [
    over('lead', 'one', 'rest_for_one'),
    over('lead', 'two', 'rest_for_one'),
    over('two', 'three'),
    over('other', 'four'),
    { from: 'one', to: 'four', type: 'peer' as const },
  ];

  it('is the same from whichever of them it is looked at, in the order of the file', () => {
    const tree = groupOf('three', list);
    expect(tree).toEqual(groupOf('lead', list));
    expect(tree).toMatchObject({ id: 'lead', strategy: 'rest_for_one' });
    expect(tree?.below.map(({ id, strategy }) => [id, strategy])).toEqual([
      ['one', undefined],
      ['two', 'one_for_one'],
    ]);
    expect(tree?.below[1]?.below).toEqual([{ id: 'three', strategy: undefined, below: [] }]);
  });

  it('is none for one that nobody supervises and that supervises nobody', () => {
    expect(groupOf('alone', list)).toBeUndefined();
  });

  it('does not hang on a circle', () => {
    expect(groupOf('a', [over('a', 'b'), over('b', 'a')])).toBeDefined();
  });
});
