import { beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { ProcessState } from '../contracts/agent.js';
import { GroupStrategy, type Relationship, relationshipProblem } from '../contracts/relationship.js';
import { planGroup, strategyOf, supervisionTree } from './groups.js';
import { GroupKeeper } from './groups-keeper.js';

/** 1,000 trees: NOX_RUNS=1000; the same ones again: NOX_SEED, as a failure prints it. */
const numRuns = Number(process.env['NOX_RUNS'] ?? 100);
const seed = Number(process.env['NOX_SEED'] ?? Date.now() % 2 ** 31);

const edge = (from: string, to: string, strategy: GroupStrategy): Relationship => ({
  from,
  to,
  type: 'supervisor',
  strategy,
});
const idOf = (n: number): string => `agent-${n}`;
const everyone = () => true;

/** Up to 20 agents; each but the first may have one of the agents before it as its supervisor. */
const someTree = fc
  .array(fc.record({ above: fc.option(fc.nat()), strategy: fc.constantFrom(...GroupStrategy.options) }), {
    minLength: 1,
    maxLength: 19,
  })
  .chain((agents) => {
    const edges = agents.flatMap(({ above, strategy }, n) =>
      above === null ? [] : [edge(idOf(above % (n + 1)), idOf(n + 1), strategy)],
    );
    const ids = Array.from({ length: agents.length + 1 }, (_, n) => idOf(n));
    return fc.record({
      ids: fc.constant(ids),
      edges: fc.shuffledSubarray(edges, { minLength: edges.length }),
      died: fc.constantFrom(...ids),
    });
  });

/** The same told by paths: an agent's place is the list of its positions from the root down; order is order of places. */
function referencePlan(ids: readonly string[], edges: readonly Relationship[], died: string) {
  const above = (id: string) => edges.find(({ to }) => to === id);
  const place = (id: string): string => {
    const up = above(id);
    if (up === undefined) return String(ids.indexOf(id)).padStart(3, '0');
    return `${place(up.from)}/${String(edges.indexOf(up)).padStart(3, '0')}`;
  };
  const root = place(died).split('/').slice(0, -1).join('/');
  const strategy = above(died)?.strategy ?? 'one_for_one';
  const goes = (id: string): boolean => {
    const at = place(id);
    if (`${at}/`.startsWith(`${place(died)}/`)) return true;
    if (above(died) === undefined || !at.startsWith(`${root}/`) || strategy === 'one_for_one') return false;
    return strategy === 'one_for_all' || at > place(died);
  };
  const start = ids.filter(goes).sort((a, b) => (place(a) < place(b) ? -1 : 1));
  return { start, stop: start.filter((id) => id !== died).toReversed() };
}

describe(planGroup, () => {
  const tree = supervisionTree(
    ['a', 'b', 'c'].map((to) => edge('lead', to, 'rest_for_one')).concat(edge('b', 'deep', 'one_for_one')),
    everyone,
  );

  it.each<[GroupStrategy, string, string[], string[]]>([
    ['one_for_one', 'b', ['deep'], ['b', 'deep']],
    ['rest_for_one', 'b', ['c', 'deep'], ['b', 'deep', 'c']],
    ['one_for_all', 'b', ['c', 'deep', 'a'], ['a', 'b', 'deep', 'c']],
    ['one_for_one', 'lead', ['c', 'deep', 'b', 'a'], ['lead', 'a', 'b', 'deep', 'c']],
    ['one_for_one', 'alone', [], ['alone']],
  ])('%s, %s dies: stops %j, starts %j', (strategy, died, stop, start) => {
    expect(planGroup(tree, died, strategy)).toEqual({ stop, start });
  });

  it(`agrees with the reference on ${numRuns} random trees`, () => {
    fc.assert(
      fc.property(someTree, ({ ids, edges, died }) => {
        expect(relationshipProblem(edges)).toBeUndefined();
        const made = supervisionTree(edges, everyone);
        expect(planGroup(made, died, strategyOf(made, died))).toEqual(referencePlan(ids, edges, died));
      }),
      { numRuns, seed },
    );
  });
});

/** Long enough for everything that has begun to end. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) await new Promise(setImmediate);
}

describe(GroupKeeper.name, () => {
  let states: Map<string, ProcessState>;
  let log: string[];
  let edges: readonly Relationship[];
  let fails: (id: string) => boolean;
  let inactive: Set<string>;
  let keeper: GroupKeeper;

  const move = (id: string, to: ProcessState): void => {
    const before = states.get(id) ?? 'stopped';
    states.set(id, to);
    keeper.changed(id, before, to);
  };
  const launch = async (id: string): Promise<void> => {
    log.push(`start ${id}`);
    move(id, 'starting');
    await new Promise(setImmediate);
    if (fails(id)) {
      move(id, 'backoff');
      throw new Error(`${id} does not start`);
    }
    move(id, 'running');
  };
  const given = (ids: readonly string[], relationships: readonly Relationship[]): void => {
    states = new Map(ids.map((id) => [id, 'running']));
    edges = relationships;
    log = [];
    fails = () => false;
    inactive = new Set();
    keeper = new GroupKeeper({
      tree: () => supervisionTree(edges, (id) => states.has(id)),
      state: (id) => states.get(id) ?? 'stopped',
      should_run: (id) => !inactive.has(id),
      stop: async (id, to) => {
        log.push(`stop ${id}`);
        await new Promise(setImmediate);
        move(id, to);
      },
      start: (id) => launch(id),
      warn: () => undefined,
    });
  };
  /** What the supervisor of a dead agent does when its backoff is over. */
  const comeBack = async (id: string): Promise<void> => {
    await keeper.before(id);
    await launch(id).catch(() => undefined);
    await quiet();
  };
  const abc = (strategy: GroupStrategy) => {
    given(
      ['lead', 'a', 'b', 'c'],
      ['a', 'b', 'c'].map((to) => edge('lead', to, strategy)),
    );
  };

  beforeEach(() => abc('rest_for_one'));

  it(`obeys the strategy on ${numRuns} random trees: stops in reverse, then starts in order`, async () => {
    await fc.assert(
      fc.asyncProperty(someTree, async ({ ids, edges: relationships, died }) => {
        given(ids, relationships);
        const plan = referencePlan(ids, relationships, died);
        move(died, 'backoff');
        await comeBack(died);
        expect(log).toEqual([...plan.stop.map((id) => `stop ${id}`), ...plan.start.map((id) => `start ${id}`)]);
        expect(ids.filter((id) => states.get(id) !== 'running' || keeper.heldFor(id) !== undefined)).toEqual([]);
      }),
      { numRuns, seed },
    );
  });

  it('brings everything back whoever dies, again and again, also while others are still moving', async () => {
    await fc.assert(
      fc.asyncProperty(
        someTree,
        fc.array(fc.record({ victim: fc.nat(), turns: fc.nat(6) }), { maxLength: 8 }),
        async ({ ids, edges: relationships }, deaths) => {
          given(ids, relationships);
          for (const { victim, turns } of deaths) {
            const id = ids[victim % ids.length] ?? '';
            if (states.get(id) === 'running') {
              move(id, 'backoff');
              void comeBack(id);
            }
            for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
          }
          for (let round = 0; round < 4; round += 1) {
            await quiet();
            for (const id of ids) if (states.get(id) === 'backoff') await comeBack(id);
          }
          expect(ids.filter((id) => states.get(id) !== 'running' || keeper.heldFor(id) !== undefined)).toEqual([]);
        },
      ),
      { numRuns: Math.min(numRuns, 50), seed },
    );
  });

  it('leaves those that sleep or should not run alone', async () => {
    states.set('c', 'hibernated');
    move('a', 'backoff');
    await comeBack('a');
    expect(log).toEqual(['stop b', 'start a', 'start b']);
  });

  it('keeps dependents down, for good to see, while the one they need is given up', async () => {
    move('b', 'backoff');
    await quiet();
    expect([...states.values()]).toEqual(['running', 'running', 'backoff', 'hibernated']);
    expect(keeper.heldFor('c')).toBe('b');
    move('b', 'failed');
    await quiet();
    expect(states.get('c')).toBe('stopped');
    await comeBack('b');
    expect(log).toEqual(['stop c', 'stop c', 'start b', 'start c']);
  });

  it('starts what waits when a person stops the one that it waits for', async () => {
    move('a', 'backoff');
    await quiet();
    move('a', 'stopped');
    keeper.release('a');
    await quiet();
    expect(log).toEqual(['stop c', 'stop b', 'start b', 'start c']);
  });

  describe('by command', () => {
    beforeEach(() => {
      abc('one_for_one');
      for (const id of states.keys()) states.set(id, 'stopped');
    });

    it('starts a supervisor and its active children in order, and stops them in reverse', async () => {
      inactive.add('b');
      await keeper.startTree('lead', 'test', () => launch('lead'));
      expect(log).toEqual(['start lead', 'start a', 'start c']);
      log = [];
      await keeper.stopBelow('lead', 'test', {});
      expect(log).toEqual(['stop c', 'stop a']);
    });

    it('rolls back what it started when one in the middle fails', async () => {
      fails = (id) => id === 'b';
      await expect(keeper.startTree('lead', 'test', () => launch('lead'))).rejects.toThrow('b does not start');
      expect(log).toEqual(['start lead', 'start a', 'start b', 'stop b', 'stop a', 'stop lead']);
      expect([...states.values()]).toEqual(['stopped', 'stopped', 'stopped', 'stopped']);
    });

    it('stops no more than it started', async () => {
      states.set('a', 'running');
      fails = (id) => id === 'c';
      await expect(keeper.startTree('lead', 'test', () => launch('lead'))).rejects.toThrow();
      expect(states.get('a')).toBe('running');
    });
  });
});
