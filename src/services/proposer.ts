import { parsed } from '../registry/intent-change.js';
import type { CatalogueEntry, Evaluation, InstallService } from '../contracts/service.js';
import { ImageDigest, ServiceConfig, ServiceName } from '../contracts/service.js';
import { NoxError } from '../shared/nox-error.js';
import type { Catalogue } from './catalogue/catalogue.js';
import { evaluate } from './catalogue/evaluate.js';
import type { DockerEngine } from './docker/engine.js';

export interface ProposerWorld {
  readonly catalogue: Pick<Catalogue, 'find'>;
  readonly engine: Pick<DockerEngine, 'image' | 'remoteDigest'>;
  readonly now: () => number;
}

/** A wish, made definite: the table that the service would have, bound to a digest, and what is known of it. */
export interface Judged {
  readonly name: string;
  readonly table: Record<string, unknown>;
  readonly evaluation: Evaluation | null;
  readonly needs: readonly string[];
}

const OFFICIAL = /^(docker\.io\/)?mcp\//;

/** Finds, binds and judges. VALIDATION_ERROR, SERVICE_NOT_FOUND, NOT_FOUND (the image), ENGINE_UNAVAILABLE. */
export async function propose(request: InstallService, world: ProposerWorld): Promise<Judged> {
  const { service_name, image, agent_id, auto_approve: _, command, url, ...settings } = request;
  const entry = await entryOf(service_name, image ?? command ?? url, world);
  const name = parsed('service_name', ServiceName, service_name ?? nameOf(image ?? entry?.image ?? ''));
  const wanted = image ?? entry?.image;
  const bound = wanted === undefined ? undefined : await bind(wanted, world);
  const from_entry =
    entry === undefined ? {} : { transport: entry.transport, network: entry.network, egress_hosts: entry.egress_hosts };
  const table = plain({
    image: bound,
    command,
    url,
    ...(wanted === undefined ? {} : from_entry),
    ...settings,
    agents: agent_id === undefined ? [] : [agent_id],
  });
  const config = parsed('service', ServiceConfig, table);
  const evaluation = bound === undefined ? null : await judge(bound, config, entry, world);
  const needs = (entry?.env ?? []).filter((need) => need.required && settings.env?.[need.name] === undefined);
  return { name, table, evaluation, needs: needs.map((need) => need.name) };
}

/** VALIDATION_ERROR when something is missing without which the service cannot work. */
export function assertComplete({ name, needs }: Pick<Judged, 'name' | 'needs'>): void {
  if (needs.length === 0) return;
  throw new NoxError(
    'VALIDATION_ERROR',
    `${name} needs env ${needs.join(', ')}: give references, as env:NAME or file:name.`,
    needs.map((need) => ({ field: `env.${need}`, message: 'is needed' })),
  );
}

async function entryOf(
  name: string | undefined,
  other: string | undefined,
  { catalogue }: ProposerWorld,
): Promise<CatalogueEntry | undefined> {
  if (name === undefined || other !== undefined) return undefined;
  const entry = await catalogue.find(name);
  if (entry !== undefined) return entry;
  throw new NoxError(
    'SERVICE_NOT_FOUND',
    `No catalogue knows ${name}; name its image, or search with "nox mcp search".`,
  );
}

/** The image with its digest: as given, or as its registry has it now, or as it is on this machine. */
async function bind(image: string, { engine }: ProposerWorld): Promise<string> {
  if (ImageDigest.safeParse(image).success) return image;
  if (!/^[a-z0-9][a-z0-9._:/-]{0,255}$/.test(image))
    throw new NoxError('VALIDATION_ERROR', 'image must be a lower-case image name, with a tag or a digest.');
  const tagged = /:[^/]+$/.test(image) ? image : `${image}:latest`;
  const digest = await engine.remoteDigest(tagged);
  if (digest !== null) return `${tagged.replace(/:[^/:]+$/, '')}@${digest}`;
  const here = await engine.image(tagged);
  if (here?.reference != null) return here.reference;
  throw new NoxError('NOT_FOUND', `No registry knows the image ${tagged}, and it is not on this machine.`);
}

async function judge(
  image: string,
  config: ServiceConfig,
  entry: CatalogueEntry | undefined,
  { engine, now }: ProposerWorld,
): Promise<Evaluation> {
  const here = await engine.image(image);
  return evaluate(
    {
      image,
      digest: image.slice(image.indexOf('@') + 1),
      size_bytes: here?.size_bytes ?? null,
      official: entry?.official ?? OFFICIAL.test(image),
      pulls: entry?.pulls ?? null,
      updated_at: here?.created_at ?? null,
      sources: [...(entry === undefined ? [] : [entry.source]), 'engine'],
      network: config.network,
      egress_hosts: config.egress_hosts,
      secrets: [...new Set([...Object.keys(config.env), ...(entry?.env ?? []).map((need) => need.name)])],
    },
    now(),
  );
}

/** `mcp/github:latest` → `github`. */
const nameOf = (image: string): string => (image.replace(/@.*$/, '').split('/').at(-1) ?? '').replace(/:.*$/, '');

const plain = (table: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(table).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  );
