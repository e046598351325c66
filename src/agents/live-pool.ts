import { KeyedQueue } from '../shared/keyed-queue.js';
import { NoxError } from '../shared/nox-error.js';

/** What the pool needs of the fleet. */
export interface PoolWorld {
  /** How many may have a process at a time. */
  readonly max: () => number;
  /** Those that have one, or are about to. */
  readonly live: () => readonly string[];
  /** Those of them that nothing keeps awake; the one to sleep first comes first. */
  readonly idle: () => readonly string[];
  /** Puts an agent to sleep; resolves when it sleeps, or has turned out to be busy. Never rejects. */
  readonly sleep: (id: string, reason: string) => Promise<void>;
}

/**
 * The places of `max_live_agents`. Contract: every start holds a place from before its process exists until it has one or
 * has failed, so that processes and starts under way never are more than places, however many begin at one moment. A
 * start that finds none puts idle agents to sleep and waits until they do; with nobody idle it is refused.
 */
export class LivePool {
  /** Of agents whose start is under way. */
  private readonly places = new Set<string>();
  private readonly queue = new KeyedQueue();
  /** Those that fall asleep for a start: their places are its already. */
  private readonly leaving = new Set<string>();

  constructor(private readonly world: PoolWorld) {}

  /** Runs a start with a place held for it; starts of one agent one after another. RESOURCE_LIMIT_EXCEEDED when all agents are at work. */
  withPlace<T>(id: string, start: () => Promise<T>): Promise<T> {
    return this.queue.run(id, async () => {
      try {
        await this.take(id);
        return await start();
      } finally {
        this.places.delete(id);
      }
    });
  }

  private async take(id: string): Promise<void> {
    // What lives already has its place; the start itself will see to it.
    if (this.world.live().includes(id)) return;
    const busy = new Set<string>();
    for (;;) {
      const asked = this.choose(busy);
      this.places.add(id);
      await Promise.all(asked.map((each) => this.ask(each, id)));
      const awake = asked.filter((each) => this.world.live().includes(each));
      if (awake.length === 0) return;
      // Work came meanwhile: others have to go.
      this.places.delete(id);
      for (const each of awake) busy.add(each);
    }
  }

  private async ask(id: string, for_id: string): Promise<void> {
    this.leaving.add(id);
    await this.world.sleep(id, `made room for ${for_id}`);
    this.leaving.delete(id);
  }

  /** Who has to sleep so that one more can live; nobody, while there is room. */
  private choose(busy: ReadonlySet<string>): string[] {
    const max = this.world.max();
    const staying = new Set(this.world.live().filter((id) => !this.leaving.has(id)));
    const taken = new Set([...staying, ...this.places]);
    const surplus = taken.size - max + 1;
    if (surplus <= 0) return [];
    const idle = this.world.idle().filter((id) => staying.has(id) && !this.places.has(id) && !busy.has(id));
    if (idle.length >= surplus) return idle.slice(0, surplus);
    throw new NoxError(
      'RESOURCE_LIMIT_EXCEEDED',
      `${taken.size} agents are at work; agents.max_live_agents allows no more than ${max}.`,
    );
  }
}
