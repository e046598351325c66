import * as z from 'zod';
import { CatalogueEntry } from '../../contracts/service.js';

const ANSWER_MS = 5000;
const MAX_BYTES = 4 * 1024 * 1024;

const Hub = z.object({
  results: z.array(
    z.object({
      name: z.string().optional(),
      repo_name: z.string().optional(),
      description: z.string().nullish(),
      short_description: z.string().nullish(),
      pull_count: z.number().nullish(),
    }),
  ),
});

const Registry = z.object({
  servers: z.array(
    z.object({
      server: z.object({
        name: z.string(),
        description: z.string().default(''),
        packages: z
          .array(
            z.object({
              registryType: z.string(),
              identifier: z.string(),
              version: z.string().optional(),
              environmentVariables: z
                .array(
                  z.object({
                    name: z.string(),
                    isRequired: z.boolean().default(false),
                    description: z.string().default(''),
                  }),
                )
                .default([]),
            }),
          )
          .default([]),
      }),
    }),
  ),
});

/** Repositories of the hub's `mcp` namespace that fit. Rejects when it does not answer in five seconds or in its own way. */
export async function hubSearch(base: string, query: string): Promise<CatalogueEntry[]> {
  const url = new URL('v2/repositories/mcp/', withSlash(base));
  url.searchParams.set('page_size', '50');
  if (query !== '') url.searchParams.set('name', query);
  const { results } = Hub.parse(await ask(url));
  return results.flatMap(({ name, repo_name, description, short_description, pull_count }) => {
    const repository = name ?? repo_name?.split('/').at(-1) ?? '';
    const text = description ?? short_description ?? '';
    return entry({
      name: repository,
      title: repository,
      description: text,
      image: `mcp/${repository}`,
      official: true,
      pulls: pull_count ?? null,
      source: 'hub',
    });
  });
}

/** Servers of an MCP registry that come as container images. */
export async function registrySearch(base: string, query: string): Promise<CatalogueEntry[]> {
  const url = new URL('v0/servers', withSlash(base));
  url.searchParams.set('limit', '50');
  if (query !== '') url.searchParams.set('search', query);
  const { servers } = Registry.parse(await ask(url));
  return servers.flatMap(({ server }) => {
    const image = server.packages.find(({ registryType }) => registryType === 'oci');
    if (image === undefined) return [];
    const { identifier, version, environmentVariables } = image;
    const tagged = version === undefined || /[:@][^/]*$/.test(identifier) ? identifier : `${identifier}:${version}`;
    return entry({
      name:
        server.name
          .split('/')
          .at(-1)
          ?.toLowerCase()
          .replaceAll(/[^a-z0-9-]+/g, '-') ?? '',
      title: server.name,
      description: server.description,
      image: tagged,
      env: environmentVariables.map(({ name, isRequired, description }) => ({
        name,
        required: isRequired,
        description,
      })),
      source: 'registry',
    });
  });
}

/** What does not fit (a name that can be no service, say) is left out: it could not be installed. */
function entry(raw: object): CatalogueEntry[] {
  const { data } = CatalogueEntry.safeParse(raw);
  return data === undefined ? [] : [data];
}

const withSlash = (base: string): string => (base.endsWith('/') ? base : `${base}/`);

async function ask(url: URL): Promise<unknown> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'error' });
  if (!response.ok) throw new Error(`${url.host} answered ${response.status}`);
  const text = await response.text();
  if (text.length > MAX_BYTES) throw new Error(`${url.host} answered more than ${MAX_BYTES} bytes`);
  return JSON.parse(text);
}
