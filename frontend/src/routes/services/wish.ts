import { type CatalogueEntry, InstallService, type Service, ServiceConfig } from '@contracts/service.js';
import type * as z from 'zod';
import { schemaProblems } from '../../lib/http.js';

export type Kind = 'image' | 'command' | 'url';

/** What a person wants to install, as typed. */
export interface Wish {
  readonly kind: Kind;
  readonly name: string;
  /** The image, the command line, or the address. */
  readonly source: string;
  readonly agent: string;
  readonly network: ServiceConfig['network'];
  readonly transport: ServiceConfig['transport'];
  /** One on each line. */
  readonly hosts: string;
  /** Reference by name of the variable. */
  readonly env: string;
}

export type InstallBody = z.input<typeof InstallService>;

export function wishOf(entry: CatalogueEntry | undefined): Wish {
  return {
    kind: 'image',
    name: entry?.name ?? '',
    source: entry?.image ?? '',
    agent: '',
    network: entry?.network ?? 'none',
    transport: entry?.transport ?? 'stdio',
    hosts: entry?.egress_hosts.join('\n') ?? '',
    env: entry?.env.map(({ name }) => `${name}=`).join('\n') ?? '',
  };
}

/** What was judged already, to be gone on with. */
export function wishOfProposal({ name, config }: Service): Wish {
  const parsed = ServiceConfig.safeParse(config).data;
  const kind: Kind = parsed?.command !== undefined ? 'command' : parsed?.url !== undefined ? 'url' : 'image';
  return {
    kind,
    name,
    source:
      parsed === undefined
        ? ''
        : kind === 'command'
          ? wordsOf(parsed)
          : ((kind === 'url' ? parsed.url : parsed.image) ?? ''),
    agent: parsed?.agents[0] ?? '',
    network: parsed?.network ?? 'none',
    transport: parsed?.transport ?? 'stdio',
    hosts: parsed?.egress_hosts.join('\n') ?? '',
    env: Object.entries(parsed?.env ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join('\n'),
  };
}

const wordsOf = ({ command = '', args }: ServiceConfig): string => [command, ...args].map(quoted).join(' ');
const quoted = (word: string): string => (/\s|"/.test(word) ? JSON.stringify(word) : word);

/** Words of a command line: split at spaces, quotes keep them together. No shell ever sees it. */
export function splitWords(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double?.replaceAll(/\\(.)/g, '$1') ?? single ?? plain ?? '',
  );
}

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** The request, or what is wrong with it by field of the form. */
export function installBody(wish: Wish): { body?: InstallBody; problems?: Record<string, string> } {
  const problems: Record<string, string> = {};
  const env: Record<string, string> = {};
  for (const line of linesOf(wish.env)) {
    const [name = '', ...rest] = line.split('=');
    const reference = rest.join('=').trim();
    if (reference !== '') env[name.trim()] = reference;
    else problems['env'] = `${name} needs a reference: env:NAME or file:name`;
  }
  const [command, ...args] = splitWords(wish.source);
  const source = wish.source.trim();
  if (source === '') problems['source'] = 'must not be empty';
  if (wish.name.trim() === '' && wish.kind !== 'image') problems['name'] = 'must not be empty';
  const hosts = wish.network === 'egress' && wish.kind === 'image' ? linesOf(wish.hosts) : [];
  const body: InstallBody = {
    ...(wish.name.trim() !== '' && { service_name: wish.name.trim() }),
    ...(wish.kind === 'image' && { image: source, network: wish.network, transport: wish.transport }),
    ...(wish.kind === 'command' && { command: command ?? '', ...(args.length > 0 && { args }) }),
    ...(wish.kind === 'url' && { url: source, transport: 'http' as const }),
    ...(hosts.length > 0 && { egress_hosts: hosts }),
    ...(Object.keys(env).length > 0 && { env }),
  };
  if (Object.keys(problems).length > 0) return { problems };
  const parsed = InstallService.safeParse(body);
  return parsed.success ? { body } : { problems: renamed(schemaProblems(parsed.error)) };
}

const FIELDS: Readonly<Record<string, string>> = {
  service_name: 'name',
  image: 'source',
  command: 'source',
  url: 'source',
  egress_hosts: 'hosts',
  agent_id: 'agent',
};

/** The server's names of fields as the form's. */
export function renamed(problems: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(problems).map(([field, words]) => {
      const [top = '', ...rest] = field.split('.');
      return [FIELDS[top] ?? top, top === 'env' && rest.length > 0 ? `${rest.join('.')} ${words}` : words];
    }),
  );
}

/** The same on a command line. */
export function installCommand(wish: Wish): string {
  const env = linesOf(wish.env).filter((line) => !line.endsWith('='));
  return [
    `nox mcp install ${wish.name.trim() === '' ? 'NAME' : wish.name.trim()}`,
    ...(wish.source.trim() === '' ? [] : [`--image ${wish.source.trim()}`]),
    ...(wish.agent === '' ? [] : [`--agent ${wish.agent}`]),
    ...(wish.network === 'none' ? [] : [`--network ${wish.network}`]),
    ...(wish.network === 'egress' ? linesOf(wish.hosts).map((host) => `--host ${host}`) : []),
    ...env.map((line) => `--env ${line}`),
  ].join(' ');
}
