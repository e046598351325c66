import { parse } from '@iarna/toml';
import { BORN, type Op } from './registry-ops.js';

/** A table of a registry file as it is compared: times are not foretold. */
export type Facts = Readonly<Record<string, unknown>>;

/** What one version of the registry says. */
export interface Snapshot {
  readonly agents: Readonly<Record<string, Facts>>;
  /** As `a -> b`. */
  readonly peers: readonly string[];
  readonly port: number;
}

export const FILES = ['agents.toml', 'agent-relationships.toml', 'system-config.toml'] as const;
export type Texts = ReadonlyMap<string, string>;

/** Reads a version by a parser of its own, not by Nox's. */
export function snapshotOf(texts: Texts): Snapshot {
  const read = (file: (typeof FILES)[number]): Facts => parse(texts.get(file) ?? '');
  const peers = (read('agent-relationships.toml')['relationships'] ?? []) as { from: string; to: string }[];
  const { port = 3000 } = (read('system-config.toml')['server'] ?? {}) as { port?: number };
  return {
    agents: (read('agents.toml')['agents'] ?? {}) as Snapshot['agents'],
    peers: peers.map(({ from, to }) => `${from} -> ${to}`).sort(),
    port,
  };
}

/** What is compared: everything but times, in an order of its own. */
export function plain({ agents, peers, port }: Snapshot): object {
  const rows = Object.entries(agents).map(([id, facts]) => {
    const keys = Object.entries(facts).filter(([key]) => key !== 'created_at' && key !== 'last_modified');
    return [id, Object.fromEntries(keys.sort(([a], [b]) => (a < b ? -1 : 1)))] as const;
  });
  return { agents: Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1))), peers: [...peers].sort(), port };
}

/** What a write makes of a version; undefined where it is refused. */
export function foretell(now: Snapshot, op: Op): Snapshot | undefined {
  switch (op.do) {
    case 'create': {
      if (Object.hasOwn(now.agents, op.id)) return undefined;
      const facts = { ...BORN, name: op.name, system_prompt: 'You plan.\n', capabilities: [], mcp_services: [] };
      return { ...now, agents: { ...now.agents, [op.id]: facts } };
    }
    case 'set': {
      const facts = now.agents[op.id];
      return facts && { ...now, agents: { ...now.agents, [op.id]: { ...facts, [op.key]: op.value } } };
    }
    case 'delete':
      return Object.hasOwn(now.agents, op.id) ? { ...now, agents: without(now.agents, op.id) } : undefined;
    case 'port':
      return { ...now, port: op.port };
    case 'relate': {
      const peer = `${op.from} -> ${op.to}`;
      return op.from === op.to || now.peers.includes(peer) ? undefined : { ...now, peers: [...now.peers, peer] };
    }
    case 'unrelate': {
      const peer = `${op.from} -> ${op.to}`;
      return now.peers.includes(peer) ? { ...now, peers: now.peers.filter((each) => each !== peer) } : undefined;
    }
    default:
      throw new TypeError(`${op.do} is foretold from history`);
  }
}

const without = <T>(all: Readonly<Record<string, T>>, key: string): Record<string, T> =>
  Object.fromEntries(Object.entries(all).filter(([each]) => each !== key));

export type Side = 'ours' | 'theirs';

/** Three versions into one, written down as plainly as it can be; the number of conflicts, each settled by `prefer`. */
export function mergeSnapshots(
  base: Snapshot,
  ours: Snapshot,
  theirs: Snapshot,
  prefer: Side,
): { readonly merged: Snapshot; readonly conflicts: number } {
  let conflicts = 0;
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
  const one = (b: unknown, o: unknown, t: unknown, key: string): unknown => {
    if (same(b, t) || same(o, t)) return o;
    if (same(b, o)) return t;
    if (isFacts(o) && isFacts(t)) return record(isFacts(b) ? b : {}, o, t);
    // Times are settled by Nox, and not foretold.
    if (key === 'last_modified' || key === 'created_at') return o;
    conflicts += 1;
    return prefer === 'ours' ? o : t;
  };
  const record = (b: Facts, o: Facts, t: Facts): Facts =>
    Object.fromEntries(
      [...new Set([...Object.keys(o), ...Object.keys(t)])]
        .map((key) => [key, one(b[key], o[key], t[key], key)] as const)
        .filter(([, value]) => value !== undefined),
    );
  const list = (b: readonly string[], o: readonly string[], t: readonly string[]): string[] =>
    [...new Set([...o, ...t])].filter((each) => (b.includes(each) ? o.includes(each) && t.includes(each) : true));
  const agents = one(base.agents, ours.agents, theirs.agents, 'agents') as Snapshot['agents'];
  const port = one(base.port, ours.port, theirs.port, 'port') as number;
  return { merged: { agents, port, peers: list(base.peers, ours.peers, theirs.peers) }, conflicts };
}

const isFacts = (value: unknown): value is Facts =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

function sorted(value: unknown): unknown {
  if (!isFacts(value)) return value ?? null;
  const keys = Object.keys(value).sort();
  return keys.map((key) => [key, sorted(value[key])]);
}

/** Comments (`# mark 7`) and keys that Nox does not know (`x_mark_7 = 7`) which a text holds. */
export const marksIn = (text: string): Set<string> => new Set(text.match(/# mark \d+|x_mark_\d+/g) ?? []);
