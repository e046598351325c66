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

const turnsOfLoop = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
};

describe(GroupKeeper.name, () => {
  let states: Map<string, ProcessState>;
  /** As that of a supervisor: each start, stop and death is a new one, and what was planned in an older one does not happen. */
  let epochs: Map<string, number>;
  let under_way: Set<Promise<unknown>>;
  /** How many turns of the loop the next stop takes. */
  let stop_turns: () => number;
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
  const nextEpoch = (id: string): (() => boolean) => {
    const mine = (epochs.get(id) ?? 0) + 1;
    epochs.set(id, mine);
    return () => epochs.get(id) === mine;
  };
  const follow = <T>(work: Promise<T>): Promise<T> => {
    under_way.add(work);
    const ended = (): void => void under_way.delete(work);
    work.then(ended, ended);
    return work;
  };
  /** Everything that has begun has ended, and nothing has followed from it. */
  const quiet = async (): Promise<void> => {
    do {
      await Promise.allSettled(under_way);
      await turnsOfLoop(2);
    } while (under_way.size > 0);
  };
  const lives = (id: string): boolean => ['starting', 'running', 'stopping'].includes(states.get(id) ?? 'stopped');
  const launch = async (id: string): Promise<void> => {
    log.push(`start ${id}`);
    const is_current = nextEpoch(id);
    move(id, 'starting');
    await turnsOfLoop(1);
    if (!is_current()) throw new Error(`${id} was stopped while it started`);
    if (fails(id)) {
      move(id, 'backoff');
      throw new Error(`${id} does not start`);
    }
    move(id, 'running');
  };
  const stop = async (id: string, to: 'hibernated' | 'stopped'): Promise<void> => {
    log.push(`stop ${id}`);
    const is_current = nextEpoch(id);
    if (lives(id)) move(id, 'stopping');
    await turnsOfLoop(stop_turns());
    if (to === 'stopped' || is_current()) move(id, to);
  };
  const given = (ids: readonly string[], relationships: readonly Relationship[]): void => {
    states = new Map(ids.map((id) => [id, 'running']));
    epochs = new Map();
    under_way = new Set();
    stop_turns = () => 1;
    edges = relationships;
    log = [];
    fails = () => false;
    inactive = new Set();
    keeper = new GroupKeeper({
      tree: () => supervisionTree(edges, (id) => states.has(id)),
      state: (id) => states.get(id) ?? 'stopped',
      should_run: (id) => !inactive.has(id),
      stop: (id, to) => follow(stop(id, to)),
      start: (id) => (lives(id) ? Promise.resolve() : follow(launch(id))),
      warn: () => undefined,
    });
  };
  /** What the supervisor of a dead agent does when its backoff is over, unless it was stopped or started meanwhile. */
  const retry = async (id: string, backoff_turns = 0): Promise<void> => {
    const epoch = epochs.get(id);
    await turnsOfLoop(backoff_turns);
    if (epochs.get(id) !== epoch) return;
    await keeper.before(id);
    if (epochs.get(id) === epoch) await launch(id).catch(() => undefined);
  };
  const comeBack = async (id: string): Promise<void> => {
    await follow(retry(id));
    await quiet();
  };
  const standing = (): string[] =>
    [...states.keys()].filter((id) => states.get(id) !== 'running' || keeper.heldFor(id) !== undefined);
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
        expect(standing()).toEqual([]);
      }),
      { numRuns, seed },
    );
  });

  it('brings everything back whoever dies, again and again, also while others are still moving', async () => {
    await fc.assert(
      fc.asyncProperty(
        someTree,
        fc.array(
          fc.record({ victim: fc.nat(), turns: fc.nat(6), backoff: fc.nat(8), stop: fc.integer({ min: 1, max: 5 }) }),
          {
            maxLength: 8,
          },
        ),
        async ({ ids, edges: relationships }, deaths) => {
          given(ids, relationships);
          for (const { victim, turns, backoff, stop: slow } of deaths) {
            const id = ids[victim % ids.length] ?? '';
            stop_turns = () => slow;
            if (states.get(id) === 'running') {
              nextEpoch(id);
              move(id, 'backoff');
              void follow(retry(id, backoff));
            }
            await turnsOfLoop(turns);
          }
          await quiet();
          expect(standing()).toEqual([]);
        },
      ),
      { numRuns: Math.min(numRuns, 50), seed },
    );
  });

  it('regression: one that dies before it is stopped for another is the one that is waited for', async () => {
    abc('one_for_all');
    move('c', 'backoff');
    // The keeper is busy with b.
    await turnsOfLoop(0);
    nextEpoch('a');
    move('a', 'backoff');
    await comeBack('a');
    expect(standing()).toEqual([]);
  });

  it('regression: what stood still by the strategy of the first is brought back by that of the second', async () => {
    given(
      ['lead', 'a', 'b', 'c'],
      [edge('lead', 'a', 'one_for_one'), edge('lead', 'b', 'rest_for_one'), edge('lead', 'c', 'one_for_all')],
    );
    move('c', 'backoff');
    nextEpoch('b');
    move('b', 'backoff');
    await comeBack('b');
    expect(standing()).toEqual([]);
    expect(log).toEqual(['stop c', 'stop a', 'start a', 'start b', 'start c']);
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

    it('lets nobody sleep who was started for the others, until all are', async () => {
      const rising: string[] = [];
      fails = (id) => {
        rising.push([...states.keys()].filter((each) => keeper.isRising(each)).join(' '));
        return id === 'none';
      };
      await keeper.startTree('lead', 'test', () => launch('lead'));
      expect(rising).toEqual(['lead', 'lead a', 'lead a b', 'lead a b c']);
      expect(keeper.isRising('lead')).toBe(false);
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
