import { describe, expect, it } from '@jest/globals';
import { ServiceConfig } from '../contracts/service.js';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { NoxError } from '../shared/nox-error.js';
import { Leftovers, leaves, placesOf } from './leftovers.js';

const [OLD, USED] = ['old', 'used'].map((name) => `registry.example/${name}@sha256:${'a'.repeat(64)}`) as [
  string,
  string,
];

const service = (change: object = {}): ServiceConfig =>
  ServiceConfig.parse({
    image: OLD,
    network: 'internal',
    agents: ['ann', 'bob'],
    created_at: '2026-11-29T10:00:00.000Z',
    last_modified: '2026-11-29T10:00:00.000Z',
    ...change,
  });

/** An engine that may be away. */
class Engine {
  away = false;
  containers = [
    { id: 'c1', service: 'gone', holder: undefined },
    { id: 'c2', service: 'here', holder: undefined },
    { id: 'c3', service: 'each', holder: 'ann' },
    { id: 'c4', service: 'each', holder: 'other' },
    // Of another Nox, whose registry has the same path on its machine.
    { id: 'c5', service: 'elsewhere', holder: undefined },
  ];
  nets = ['nox-r-gone', 'nox-r-here', 'nox-r-elsewhere'];
  images = [OLD, USED];
  private ask(): void {
    if (this.away) throw new NoxError('ENGINE_UNAVAILABLE', 'away');
  }
  async list() {
    this.ask();
    return this.containers.map((container) => ({ ...container, config_hash: '', running: true }));
  }
  async remove(id: string) {
    this.ask();
    this.containers = this.containers.filter((container) => container.id !== id);
  }
  async removeImage(image: string) {
    this.ask();
    this.images = this.images.filter((each) => each !== image);
  }
  readonly guard = {
    forget: async (name: string) => {
      this.ask();
      this.nets = this.nets.filter((each) => each !== `nox-r-${name}`);
    },
  };
}

describe(Leftovers.name, () => {
  const wanted = new Map([
    ['here', service({ image: USED })],
    ['each', service({ image: USED, shared: false, agents: ['ann'], network: 'none' })],
  ]);
  const house = (engine: Engine, db: StateDb, clock = new ManualClock()) => {
    const warned: string[] = [];
    const leftovers = new Leftovers({
      db,
      clock,
      engine,
      guard: engine.guard,
      wanted: () => wanted,
      warn: (message) => warned.push(message),
    });
    return { leftovers, clock, warned };
  };

  it('takes away what is left of services that went from here, and nothing else', async () => {
    const engine = new Engine();
    const db = new StateDb(':memory:');
    const { leftovers } = house(engine, db);
    await leftovers.owe({ services: ['gone', 'each'] });
    await leftovers.owe({ services: ['here'], images: [OLD, USED] });
    await leftovers.settle();
    expect(engine.containers.map(({ id }) => id)).toEqual(['c2', 'c3', 'c5']);
    expect(engine.nets).toEqual(['nox-r-here', 'nox-r-elsewhere']);
    expect(engine.images).toEqual([USED]);
    expect(leftovers.isOwed).toBe(false);
    db.close();
  });

  it('remembers over a restart what it owes, and does it when the engine is back', async () => {
    const engine = new Engine();
    const db = new StateDb(':memory:');
    const before = house(engine, db);
    engine.away = true;
    await before.leftovers.owe({ services: ['gone'], images: [OLD] });
    await before.leftovers.settle();
    expect(before.warned).toHaveLength(1);
    await before.leftovers.close();
    const { leftovers, clock, warned } = house(engine, db);
    expect(leftovers.isOwed).toBe(true);
    await leftovers.settle();
    clock.advance(5000);
    await leftovers.settle();
    expect(engine.nets).toContain('nox-r-gone');
    engine.away = false;
    clock.advance(5000);
    // The clock has begun it: nobody asks for it here.
    for (let turn = 0; turn < 1000 && leftovers.isOwed; turn += 1) await new Promise(setImmediate);
    expect(engine.nets).not.toContain('nox-r-gone');
    expect(engine.images).toEqual([USED]);
    expect(leftovers.isOwed).toBe(false);
    expect(warned).toHaveLength(1);
    db.close();
  });

  it('does not ask again for what nobody owes', async () => {
    const engine = new Engine();
    engine.away = true;
    const db = new StateDb(':memory:');
    const { leftovers, clock, warned } = house(engine, db);
    await leftovers.settle();
    engine.away = false;
    clock.advance(600_000);
    await new Promise(setImmediate);
    expect(engine.nets).toContain('nox-r-gone');
    expect(warned).toEqual([]);
    db.close();
  });

  it('knows what a service may have at the engine', () => {
    expect(placesOf(service())).toEqual({ holders: [undefined], network: true });
    expect(placesOf(service({ shared: false, network: 'none' }))).toEqual({ holders: ['ann', 'bob'], network: false });
    expect(placesOf(service({ desired_state: 'inactive' }))).toEqual({ holders: [], network: true });
    expect(placesOf(service({ image: undefined, command: '/bin/x' }))).toEqual({ holders: [], network: false });
    expect(leaves(service(), undefined)).toBe(true);
    expect(leaves(service(), service({ agents: [] }))).toBe(false);
    expect(leaves(service(), service({ network: 'none' }))).toBe(true);
    expect(leaves(service(), service({ desired_state: 'inactive' }))).toBe(true);
    expect(leaves(service({ shared: false }), service({ shared: false, agents: ['bob'] }))).toBe(true);
    expect(leaves(service({ command: '/bin/x', image: undefined }), undefined)).toBe(false);
  });
});
