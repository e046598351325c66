import * as z from 'zod';
import type { ServiceConfig } from '../contracts/service.js';
import type { Clock } from '../shared/clock.js';
import type { StateDb } from '../shared/db/state-db.js';
import { messageOf } from '../shared/nox-error.js';
import type { DockerEngine } from './docker/engine.js';
import type { NetworkGuard } from './docker/network-guard.js';
import { holdersOf } from './service-pool.js';

const META_KEY = 'services_leftovers';
const Owed = z.object({ images: z.array(z.string()) });
const AGAIN_MS = 5000;
const AT_MOST_MS = 300_000;

interface Parts {
  readonly db: Pick<StateDb, 'getMeta' | 'setMeta'>;
  readonly clock: Clock;
  readonly engine: Pick<DockerEngine, 'list' | 'networks' | 'remove' | 'removeImage'>;
  readonly guard: Pick<NetworkGuard, 'forget' | 'serviceOf'>;
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
 * What there is to clean the engine's labels say: whatever bears the name of a service that there is not.
 */
export class Leftovers {
  private working: Promise<void> = Promise.resolve();
  private failures = 0;
  private cancelTimer: () => void = () => undefined;
  private closed = false;

  constructor(private readonly parts: Parts) {}

  /** From now on something is to be cleaned; `image`: that, too. */
  async owe(image?: string): Promise<void> {
    const images = new Set([...(this.owed()?.images ?? []), ...(image === undefined ? [] : [image])]);
    await this.parts.db.setMeta(META_KEY, JSON.stringify({ images: [...images] }));
  }

  get isOwed(): boolean {
    return this.owed() !== undefined;
  }

  /** Cleans now, one after another; what cannot be cleaned and is owed is tried again by itself. Never rejects. */
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
    if (this.closed) return;
    const owed = this.owed();
    try {
      await this.clean(owed?.images ?? []);
      // What was owed meanwhile is cleaned by the next call.
      if (owed !== undefined && this.parts.db.getMeta(META_KEY) === JSON.stringify(owed))
        await this.parts.db.setMeta(META_KEY, '');
      this.failures = 0;
    } catch (error) {
      if (owed === undefined || this.closed) return;
      if (this.failures === 0)
        this.parts.warn('what removed services left is taken away later', { reason: messageOf(error) });
      const delay_ms = Math.min(AT_MOST_MS, AGAIN_MS * 2 ** Math.max(0, this.failures - 12));
      this.failures += 1;
      this.cancelTimer = this.parts.clock.after(delay_ms, () => void this.settle());
    }
  }

  private async clean(images: readonly string[]): Promise<void> {
    const { engine, guard, wanted } = this.parts;
    for (const { id, service, holder } of await engine.list())
      if (!placesOf(wanted().get(service)).holders.includes(holder)) await engine.remove(id);
    for (const network of await engine.networks()) {
      const service = guard.serviceOf(network);
      if (service !== undefined && !placesOf(wanted().get(service)).network) await guard.forget(service);
    }
    for (const image of images)
      if (![...wanted().values()].some((config) => config.image === image)) await engine.removeImage(image);
  }

  private owed(): z.infer<typeof Owed> | undefined {
    const text = this.parts.db.getMeta(META_KEY) ?? '';
    return text === '' ? undefined : Owed.parse(JSON.parse(text));
  }
}
