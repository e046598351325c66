import type { z } from 'zod';
import { AgentConfig, ReplaceAgent, type UpdateAgent } from '../contracts/agent.js';
import type { Actor } from '../contracts/auth.js';
import { SystemConfig } from '../contracts/config.js';
import { NoxError, validationError } from '../shared/nox-error.js';
import type { CommitNote } from './commit-message.js';
import { configOf, type Document, type DocumentSet, type Intent, type IntentFile } from './intent.js';
import { editToml } from './toml/toml-edit.js';
import { isTable, sameValue, type TomlTable, type TomlValue, withoutUndefined } from './toml/toml.js';

/** A change that fits: what the files will say, what that means, and what the commit says about it. */
export interface Change {
  readonly note: CommitNote;
  readonly documents: ReadonlyMap<IntentFile, Document>;
  readonly intent: Intent;
}

/** What a change starts from. */
export interface Base {
  readonly intent: Intent;
  readonly versions: DocumentSet;
}

interface ChangedBy {
  readonly actor: Actor;
  readonly action: string;
  readonly now: string;
}

/** Some keys of `system-config.toml`; `undefined` or null takes a key away, so that its default counts again. */
export type ConfigPatch = z.input<typeof SystemConfig>;

/** Tables of an agent in which a patch changes the given keys only; null takes a key away. */
const MERGED = new Set(['resource_limits', 'restart', 'idle', 'budget']);

/** Throws VALIDATION_ERROR naming every field that does not fit. */
export function parsed<S extends z.ZodType>(part: string, schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (!result.success) throw validationError(part, result.error);
  return result.data;
}

/** AGENT_ALREADY_EXISTS, VALIDATION_ERROR. */
export function createAgentChange(base: Base, id: string, config: AgentConfig, actor: Actor): Change {
  if (base.intent.agents.has(id)) throw new NoxError('AGENT_ALREADY_EXISTS', undefined, { id });
  const table = withoutUndefined(parsed('agent', AgentConfig, config)) as TomlTable;
  return agentChange(base, id, table, actor, 'create');
}

/** AGENT_NOT_FOUND, VALIDATION_ERROR; null when nothing changes. */
export function updateAgentChange(
  base: Base,
  id: string,
  patch: Partial<AgentConfig> | UpdateAgent,
  by: ChangedBy,
): Change | null {
  const old = agentTable(base, id);
  return changedAgent(base, id, old, mergeAgent(old, patch), by);
}

/** What can be set and is not named goes; the rest of the table, unknown keys too, stays. Else as `updateAgentChange`. */
export function replaceAgentChange(base: Base, id: string, settings: ReplaceAgent, by: ChangedBy): Change | null {
  const old = agentTable(base, id);
  const kept = Object.entries(old).filter(([key]) => !Object.hasOwn(ReplaceAgent.shape, key));
  const replaced = withoutUndefined({ ...Object.fromEntries(kept), ...settings }) as TomlTable;
  return changedAgent(base, id, old, replaced, by);
}

function changedAgent(base: Base, id: string, old: TomlTable, merged: TomlTable, by: ChangedBy): Change | null {
  const times = timesOf(base.intent.agents.get(id));
  const [before, after] = [old, merged].map((table) => parsed('agent', AgentConfig, { ...times, ...table }));
  if (sameValue(before, after)) return null;
  return agentChange(base, id, { ...merged, last_modified: by.now }, by.actor, by.action);
}

/** AGENT_NOT_FOUND. */
export function deleteAgentChange(base: Base, id: string, actor: Actor): Change {
  agentTable(base, id);
  return agentChange(base, id, undefined, actor, 'delete');
}

/** VALIDATION_ERROR; null when nothing changes. */
export function configChange(
  { intent, versions }: Base,
  patch: ConfigPatch,
  actor: Actor,
  action: string,
): Change | null {
  const old = versionOf(versions, 'system-config.toml');
  const table = deepMerge(old.table, patch);
  const config = parsed('configuration', SystemConfig, table);
  if (sameValue(config, configOf(old))) return null;
  const document = edited(old, table);
  return {
    note: { area: 'config', action, object: 'system-config', object_ref: 'config:system-config', actor },
    documents: new Map([['system-config.toml', document]]),
    intent: { ...intent, config, files: new Map([...intent.files, ['system-config.toml', document.text]]) },
  };
}

/** `undefined` takes the agent away. */
function agentChange(
  { intent, versions }: Base,
  id: string,
  table: TomlTable | undefined,
  actor: Actor,
  action: string,
): Change {
  const old = versionOf(versions, 'agents.toml');
  const known = isTable(old.table['agents']) ? old.table['agents'] : {};
  const changed: Record<string, TomlValue> = { ...known };
  if (table === undefined) delete changed[id];
  else changed[id] = table;
  const document = edited(old, { ...old.table, agents: changed });
  const agents = new Map(intent.agents);
  if (table === undefined) agents.delete(id);
  else agents.set(id, parsed('agent', AgentConfig, { ...timesOf(agents.get(id)), ...table }));
  return {
    note: { area: 'agent', action, object: id, object_ref: `agent:${id}`, actor },
    documents: new Map([['agents.toml', document]]),
    intent: { ...intent, agents, files: new Map([...intent.files, ['agents.toml', document.text]]) },
  };
}

function agentTable({ versions }: Base, id: string): TomlTable {
  const { agents } = versionOf(versions, 'agents.toml').table;
  const table = isTable(agents) && Object.hasOwn(agents, id) ? agents[id] : undefined;
  if (!isTable(table)) throw new NoxError('AGENT_NOT_FOUND', undefined, { id });
  return table;
}

export function versionOf(versions: DocumentSet, file: IntentFile): Document {
  const document = versions.get(file);
  if (document === undefined) throw new NoxError('REGISTRY_INVALID', `${file} has no version that fits.`);
  return document;
}

/** The times of an agent whose table, written by hand, has none. */
const timesOf = (agent: AgentConfig | undefined): object =>
  agent === undefined ? {} : { created_at: agent.created_at, last_modified: agent.last_modified };

/** The document with other data in it, and with its comments. */
function edited(old: Document, table: TomlTable): Document {
  const text = editToml(old.text, old.table, table);
  // UTF-8 cannot hold half a character; the file would say something else than the memory.
  if (!text.isWellFormed()) throw new NoxError('VALIDATION_ERROR', 'A text holds half of a character.');
  return { ...old, text, table };
}

function mergeAgent(old: TomlTable, patch: Readonly<Record<string, unknown>>): TomlTable {
  const merged = Object.entries(patch).map(([key, value]) => {
    if (!MERGED.has(key) || !isTable(value)) return [key, value];
    const known = old[key];
    const table = deepMerge(isTable(known) ? known : {}, value);
    // A table that says nothing any more goes with its last key.
    return [key, Object.keys(table).length === 0 ? undefined : table];
  });
  return withoutUndefined({ ...old, ...Object.fromEntries(merged) }) as TomlTable;
}

function deepMerge(old: TomlTable, patch: Readonly<Record<string, unknown>>): TomlTable {
  const merged: Record<string, TomlValue> = { ...old };
  for (const [key, value] of Object.entries(patch)) {
    const known = merged[key];
    if (value === undefined || value === null) delete merged[key];
    else merged[key] = isTable(value) ? deepMerge(isTable(known) ? known : {}, value) : withoutUndefined(value);
  }
  return merged;
}
