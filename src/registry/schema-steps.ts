import { isTable, own, type TomlTable, type TomlValue } from './toml/toml.js';

/** Makes data of one version of a file into that of the next. Pure, and never changed once it was released. */
export type SchemaStep = (table: TomlTable) => TomlTable;

/** Of a file: the n-th step leads from version n to n + 1, so that their number is the version that this Nox writes. */
export type SchemaSteps = readonly SchemaStep[];

/** Data brought up to a version, or the number that nobody here knows. */
export type Upgraded = { readonly table: TomlTable; readonly from: number } | { readonly newer: number };

/**
 * Brings a file's data up to the version that this Nox writes, one step after another. A file that names no version is of
 * version 1, as the first release wrote it; what is no version at all is left to the schema.
 */
export function upgrade(table: TomlTable, steps: SchemaSteps): Upgraded {
  const said = own(table, 'schema_version') ?? 1;
  if (typeof said !== 'number' || !Number.isInteger(said) || said < 0) return { table, from: steps.length };
  if (said > steps.length) return { newer: said };
  const raised = steps.slice(said).reduce((data, step) => step(data), table);
  return { table: said === steps.length ? table : { ...raised, schema_version: steps.length }, from: said };
}

const LIMITS = ['max_memory_mb', 'max_cpu_percent', 'max_concurrent_tasks', 'max_spawn_rate', 'max_depth'] as const;

/**
 * Agents as they were noted before files named a version (`schema_version = 0`): limits among the agent's own keys, and
 * `status` for what is wished. A key of today's that stands there too wins.
 */
export function agentsFrom0(table: TomlTable): TomlTable {
  const agents = own(table, 'agents');
  if (!isTable(agents)) return table;
  return { ...table, agents: Object.fromEntries(Object.entries(agents).map(([id, agent]) => [id, agentFrom0(agent)])) };
}

function agentFrom0(agent: TomlValue): TomlValue {
  if (!isTable(agent)) return agent;
  const { status, ...rest } = agent;
  const flat = LIMITS.filter((key) => Object.hasOwn(rest, key));
  const kept = Object.entries(rest).filter(([key]) => !(flat as readonly string[]).includes(key));
  const limits = Object.fromEntries(flat.map((key) => [key, rest[key] ?? 0]));
  const known = own(rest, 'resource_limits');
  return {
    ...Object.fromEntries(kept),
    ...(status === undefined || Object.hasOwn(rest, 'desired_state') ? {} : { desired_state: status }),
    ...(flat.length === 0 ? {} : { resource_limits: { ...limits, ...(isTable(known) ? known : {}) } }),
  };
}

/** Nothing but the number differs. */
export const unchanged: SchemaStep = (table) => table;
