import * as z from 'zod';
import type { ServiceConfig } from '../contracts/service.js';
import type { Clock } from '../shared/clock.js';
import type { StateDb, Tx } from '../shared/db/state-db.js';
import { messageOf } from '../shared/nox-error.js';
import type { DockerEngine } from './docker/engine.js';
import type { NetworkGuard } from './docker/network-guard.js';
import { holdersOf } from './service-pool.js';

const META_KEY = 'services_leftovers';
const Owed = z.object({ services: z.array(z.string()), images: z.array(z.string()) });
type Owed = z.infer<typeof Owed>;
const AGAIN_MS = 5000;

interface Parts {
  readonly db: Pick<StateDb, 'get' | 'write'>;
  readonly clock: Clock;
  readonly engine: Pick<DockerEngine, 'list' | 'remove' | 'removeImage'>;
  readonly guard: Pick<NetworkGuard, 'forget'>;
  /** The services that there should be, at that moment. */
  readonly wanted: () => ReadonlyMap<string, ServiceConfig>;
  readonly warn: (message: string, fields: object) => void;
}

interface Places {
  /** Whom its containers serve; undefined stands for all. */
  readonly holders: readonly (string | undefined)[];
  readonly network: boolean;
}

/** What of a service may be at the engine. A service that is stopped keeps its network. Pure. */
export function placesOf(config: ServiceConfig | undefined): Places {
  if (config?.image === undefined) return { holders: [], network: false };
  const holders = config.desired_state === 'active' ? holdersOf(config) : [];
  return { holders, network: config.network !== 'none' };
}

/** Whether something that was there may be there no more. Pure. */
export function leaves(before: ServiceConfig, after: ServiceConfig | undefined): boolean {
  const [was, is] = [placesOf(before), placesOf(after)];
  return (was.network && !is.network) || was.holders.some((holder) => !is.holders.includes(holder));
}

/**
 * What services leave at the engine when they go: containers, networks with their rules, images that nobody wants any
 * more. That it must be cleaned is durable from before a service goes; while there is no engine, it is tried again.
 * Only services that went from here are looked for: another Nox may use the same engine, from a folder of the same name.
 */
export class Leftovers {
  private working: Promise<void> = Promise.resolve();
  private warned = false;
  private cancelTimer: () => void = () => undefined;
  private closed = false;

  constructor(private readonly parts: Parts) {}

  /** From now on what is left of these services is to be cleaned; of the images whatever no other service needs. */
  async owe({ services = [], images = [] }: Partial<Owed>): Promise<void> {
    await this.parts.db.write((tx) => {
      const before = owedOf(tx);
      const owed: Owed = {
        services: [...new Set([...(before?.services ?? []), ...services])],
        images: [...new Set([...(before?.images ?? []), ...images])],
      };
      tx.run(
        'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
        META_KEY,
        JSON.stringify(owed),
      );
    });
  }

  get isOwed(): boolean {
    return owedOf(this.parts.db) !== undefined;
  }

  /** Cleans now, one after another; what cannot be cleaned is tried again by itself. Never rejects. */
  settle(): Promise<void> {
    this.working = this.working.then(() => this.tryOnce());
    return this.working;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancelTimer();
    await this.working;
  }

  private async tryOnce(): Promise<void> {
    this.cancelTimer();
    const owed = owedOf(this.parts.db);
    if (this.closed || owed === undefined) return;
    try {
      await this.clean(owed);
      // What was owed meanwhile stays for the next call.
      const done = JSON.stringify(owed);
      await this.parts.db.write((tx) => tx.run('DELETE FROM meta WHERE key = ? AND value = ?', META_KEY, done));
      this.warned = false;
    } catch (error) {
      if (this.closed) return;
      if (!this.warned) this.parts.warn('what removed services left is taken away later', { reason: messageOf(error) });
      this.warned = true;
      this.cancelTimer = this.parts.clock.after(AGAIN_MS, () => void this.settle());
    }
  }

  private async clean({ services, images }: Owed): Promise<void> {
    const { engine, guard, wanted } = this.parts;
    for (const { id, service, holder } of await engine.list())
      if (services.includes(service) && !placesOf(wanted().get(service)).holders.includes(holder))
        await engine.remove(id);
    for (const service of services) if (!placesOf(wanted().get(service)).network) await guard.forget(service);
    for (const image of images)
      if (![...wanted().values()].some((config) => config.image === image)) await engine.removeImage(image);
  }
}

function owedOf(db: Pick<Tx, 'get'>): Owed | undefined {
  const row = db.get<{ value: string }>('SELECT value FROM meta WHERE key = ?', META_KEY);
  return row === undefined ? undefined : Owed.parse(JSON.parse(row.value));
}
