import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NoxError } from '../shared/nox-error.js';
import { LivePool } from './live-pool.js';

type Life = 'asleep' | 'starting' | 'idle' | 'busy' | 'falling asleep';

/** Agents whose starts and sleeps take as many turns of the loop as the test says, and that may become busy meanwhile. */
class World {
  readonly agents = new Map<string, Life>();
  most = 0;
  readonly slept: string[] = [];
  readonly pool: LivePool;

  constructor(
    public max: number,
    private readonly pick: (below: number) => number = () => 1,
    /** Says of one that should sleep that work came in between. */
    private readonly staysAwake: (id: string) => boolean = () => false,
  ) {
    this.pool = new LivePool({
      max: () => this.max,
      live: () => [...this.agents].flatMap(([id, life]) => (life === 'asleep' ? [] : [id])),
      idle: () => [...this.agents].flatMap(([id, life]) => (life === 'idle' ? [id] : [])),
      sleep: (id) => this.sleep(id),
    });
  }

  become(id: string, life: Life): void {
    this.agents.set(id, life);
    const living = [...this.agents.values()].filter((each) => each !== 'asleep').length;
    this.most = Math.max(this.most, living);
  }

  start(id: string, fails = false): Promise<void> {
    return this.pool.withPlace(id, async () => {
      if ((this.agents.get(id) ?? 'asleep') !== 'asleep') return;
      this.become(id, 'starting');
      await turns(this.pick(5));
      this.become(id, fails ? 'asleep' : 'idle');
      if (fails) throw new Error('did not start');
    });
  }

  private async sleep(id: string): Promise<void> {
    await turns(this.pick(5));
    if (this.agents.get(id) !== 'idle') return;
    if (this.staysAwake(id)) {
      this.become(id, 'busy');
      return;
    }
    this.become(id, 'falling asleep');
    await turns(this.pick(5));
    this.slept.push(id);
    this.become(id, 'asleep');
  }
}

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

const codeOf = (error: unknown): unknown => (error instanceof NoxError ? error.code : error);

describe(LivePool.name, () => {
  it('gives the last place to one of two that start at once, and refuses the other when nobody is idle', async () => {
    const world = new World(2);
    world.become('busy', 'busy');
    const ends = await Promise.allSettled([world.start('one'), world.start('two')]);
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(world.most).toBe(2);
  });

  it('puts another to sleep for each of two that start at once, in the order given', async () => {
    const world = new World(3);
    for (const id of ['a', 'b', 'c']) world.become(id, 'idle');
    await Promise.all([world.start('one'), world.start('two')]);
    expect(world.slept).toEqual(['a', 'b']);
    expect(world.most).toBe(3);
  });

  it('begins only when the one that made room is gone', async () => {
    const world = new World(1);
    world.become('a', 'idle');
    const started = world.start('one');
    expect(world.agents.get('one')).toBeUndefined();
    await started;
    expect(world.most).toBe(1);
  });

  it('asks another when the one that should sleep has got work', async () => {
    const world = new World(2, undefined, (id) => id === 'a');
    for (const id of ['a', 'b']) world.become(id, 'idle');
    await world.start('one');
    expect(world.agents.get('a')).toBe('busy');
    expect(world.slept).toEqual(['b']);
  });

  it('gives the place back when the start fails', async () => {
    const world = new World(1);
    await expect(world.start('one', true)).rejects.toThrow('did not start');
    await world.start('two');
    expect(world.agents.get('two')).toBe('idle');
  });

  it('makes as much room as a lowered limit wants', async () => {
    const world = new World(4);
    for (const id of ['a', 'b', 'c', 'd']) world.become(id, 'idle');
    world.max = 2;
    await world.start('one');
    expect(world.slept).toEqual(['a', 'b', 'c']);
  });

  it('never has more alive than places, and refuses nobody while one is idle', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.record({ agent: fc.nat(7), wait: fc.nat(6), fails: fc.boolean() }), {
          minLength: 2,
          maxLength: 25,
        }),
        fc.array(fc.nat(100), { minLength: 7, maxLength: 7 }),
        fc.nat(4),
        async (max, starts, numbers, stubborn) => {
          let n = 0;
          const pick = (below: number): number => (numbers[n++ % numbers.length] ?? 0) % below;
          const world = new World(max, pick, () => pick(5) < stubborn - 1);
          const under_way: Promise<void>[] = [];
          for (const { agent, wait, fails } of starts) {
            await turns(wait);
            under_way.push(world.start(`agent-${agent}`, fails));
          }
          const ends = await Promise.allSettled(under_way);
          const errors = ends.flatMap((end) => (end.status === 'rejected' ? [codeOf(end.reason)] : []));
          expect(world.most).toBeLessThanOrEqual(max);
          const unknown = errors.filter((code) => code !== 'RESOURCE_LIMIT_EXCEEDED' && !(code instanceof Error));
          expect(unknown).toEqual([]);
          // Every place that was held has been given back: whoever is idle can make room for one more.
          if ([...world.agents.values()].includes('idle') && stubborn <= 1) await world.start('last');
        },
      ),
      { numRuns: 300 },
    );
  });
});
