import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { CatalogueEntry, type ServiceSearch } from '../../contracts/service.js';
import type { Clock } from '../../shared/clock.js';
import { messageOf, NoxError } from '../../shared/nox-error.js';
import { KNOWN_SERVICES } from './known-services.js';
import { hubSearch, registrySearch } from './online.js';

const KEPT_MS = 600_000;
const FILE = 'mcp-catalogue.json';

const File = z.object({ services: z.array(CatalogueEntry) });

export interface CatalogueSettings {
  readonly hub_url: string;
  readonly registry_url: string;
}

/** Where services are found: a person's own `.nox/mcp-catalogue.json`, the list that comes with Nox, and, when configured, a hub and a registry. */
export class Catalogue {
  private readonly kept = new Map<string, { readonly until_ms: number; readonly entries: CatalogueEntry[] }>();

  constructor(
    private readonly home: string,
    private readonly clock: Clock,
    private readonly settings: () => CatalogueSettings,
  ) {}

  /** Own entries first; one entry for each name. `offline` says why nobody else was asked. */
  async search(query: string, limit: number, installed: ReadonlySet<string>): Promise<ServiceSearch> {
    const word = query.toLowerCase();
    const fits = ({ name, title, description, image }: CatalogueEntry): boolean =>
      [name, title, description, image].some((text) => text.toLowerCase().includes(word));
    const local = (await this.local()).filter(fits);
    const { online, offline } = await this.online(query);
    const by_name = new Map([...online, ...local.toReversed()].map((entry) => [entry.name, entry]));
    const order = [...new Set([...local, ...online].map(({ name }) => name))];
    const results = order.slice(0, limit).flatMap((name) => {
      const entry = by_name.get(name);
      return entry === undefined ? [] : [{ ...entry, installed: installed.has(name) }];
    });
    return { results, offline };
  }

  async find(name: string): Promise<CatalogueEntry | undefined> {
    const local = (await this.local()).find((entry) => entry.name === name);
    return local ?? (await this.online(name)).online.find((entry) => entry.name === name);
  }

  /** VALIDATION_ERROR when the person's file does not fit: then nothing of it is used, and it is said. */
  private async local(): Promise<readonly CatalogueEntry[]> {
    const path = join(this.home, FILE);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return KNOWN_SERVICES;
    try {
      return [...File.parse(JSON.parse(text)).services, ...KNOWN_SERVICES];
    } catch (error) {
      const reason = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
      throw new NoxError('VALIDATION_ERROR', `${FILE} in the home folder of Nox does not fit: ${reason}`);
    }
  }

  private async online(query: string): Promise<{ online: CatalogueEntry[]; offline: string | null }> {
    const { hub_url, registry_url } = this.settings();
    const asks = [
      ...(hub_url === '' ? [] : [() => hubSearch(hub_url, query)]),
      ...(registry_url === '' ? [] : [() => registrySearch(registry_url, query)]),
    ];
    if (asks.length === 0) return { online: [], offline: 'services.hub_url and services.registry_url are not set' };
    const key = JSON.stringify([hub_url, registry_url, query]);
    const known = this.kept.get(key);
    if (known !== undefined && known.until_ms > this.clock.now()) return { online: known.entries, offline: null };
    const answers = await Promise.allSettled(asks.map((ask) => ask()));
    const online = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    const failed = answers.flatMap((answer) => (answer.status === 'rejected' ? [messageOf(answer.reason)] : []));
    if (failed.length > 0) return { online, offline: failed.join('; ') };
    if (this.kept.size > 100) this.kept.clear();
    this.kept.set(key, { until_ms: this.clock.now() + KEPT_MS, entries: online });
    return { online, offline: null };
  }
}
