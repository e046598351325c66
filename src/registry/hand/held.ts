import { AgentConfig } from '../../contracts/agent.js';
import { type Document, type IntentFile, isProblem, readDocument } from '../intent.js';
import { editToml } from '../toml/toml-edit.js';
import { isTable, own, sameValue, type TomlTable, type TomlValue } from '../toml/toml.js';

/** A change by hand that waits for a person: what is in force, and what the file on the disk says. */
export interface HeldField {
  /** As `agents.lead.env.GH_TOKEN`; a rule of the policy by its id. */
  readonly key: string;
  readonly before: TomlValue | undefined;
  readonly after: TomlValue | undefined;
}

export interface Split {
  /** The edit without what waits. */
  readonly live: Document;
  readonly held: readonly HeldField[];
}

type Value = TomlValue | undefined;
type Path = readonly string[];
/** `live`: at once · `held`: all in it waits, field by field · `whole`: waits as one · `inside`: its members are asked one by one. */
type Effect = 'live' | 'held' | 'whole' | 'inside';

/** What of an agent is live at once; all else that Nox knows of one decides what it may do or use. */
const LIVE_OF_AGENT = new Set([
  'name',
  'system_prompt',
  'desired_state',
  'model',
  'cwd',
  'parent_id',
  'capabilities',
  'priority',
  'mcp_services',
  'created_at',
  'last_modified',
  'restart',
  'idle',
]);
/** How a service is used; all else says what runs, what it reaches and what it may use. */
const LIVE_OF_SERVICE = new Set(['agents', 'desired_state']);
/** What of the settings can neither let an agent do more nor move a border. A setting that is not named waits. */
const LIVE_SETTINGS = new Set([
  'agents.hibernate_after_s',
  'agents.stop_grace_ms',
  'agents.restart',
  'agents.health',
  'claude_cli.max_api_retries',
  'quota',
  'tasks.auto_start',
  'tasks.max_attempts',
  'tasks.retry_initial_ms',
  'tasks.retry_max_ms',
  'broker',
  'retention.events_days',
  'retention.logs_days',
  'git.push_every_s',
  'git.push_timeout_s',
  'logging',
]);

/** Decides by where a key stands, and by what stands there before and after. */
type Rule = (path: Path, before: Value, after: Value) => Effect;

const RULES: Readonly<Record<IntentFile, Rule>> = {
  'agents.toml': ([group, id, key], before, after) => {
    if (group !== 'agents') return 'live';
    if (id === undefined) return 'inside';
    // The default, said in so many words.
    if (key === 'runtime' && (before ?? 'claude') === (after ?? 'claude')) return 'live';
    if (key !== undefined) return LIVE_OF_AGENT.has(key) || !(key in AgentConfig.shape) ? 'live' : 'held';
    if (after === undefined) return 'live';
    // Without its program a new agent would be another one.
    const program = isTable(after) && (after['command'] !== undefined || (after['runtime'] ?? 'claude') !== 'claude');
    return before === undefined && program ? 'whole' : 'inside';
  },
  'agent-relationships.toml': () => 'live',
  'approval-policy.toml': ([group]) => (group === 'rules' || group === 'defaults' ? 'held' : 'live'),
  'mcp-services.toml': ([group, name, key], before, after) => {
    if (group !== 'services') return 'live';
    if (name === undefined) return 'inside';
    if (key !== undefined) return LIVE_OF_SERVICE.has(key) ? 'live' : 'held';
    if (after === undefined) return 'live';
    return before === undefined ? 'whole' : 'inside';
  },
  'system-config.toml': (path) => {
    if (path[0] === 'schema_version') return 'live';
    if (path.some((_, n) => LIVE_SETTINGS.has(path.slice(0, n + 1).join('.')))) return 'live';
    return path.length < 2 ? 'inside' : 'held';
  },
};

/**
 * Parts an edit by hand into what is live at once and what waits until a person has confirmed it (policy, security
 * settings, environment, limits, programs and images). Keys that Nox does not know have no effect and are live. When what
 * is left does not fit without the rest, all of it waits.
 */
export function splitEdit(file: IntentFile, in_force: Document, edited: Document): Split {
  if (sameValue(in_force.table, edited.table)) return { live: edited, held: [] };
  const unknown = new Set([...in_force.unknown_keys, ...edited.unknown_keys]);
  const held: HeldField[] = [];
  const visit = (before: Value, after: Value, path: Path, waits: boolean): Value => {
    if (sameValue(before, after)) return after;
    if (unknown.has(path.join('.'))) return after;
    const effect = waits ? 'held' : path.length === 0 ? 'inside' : RULES[file](path, before, after);
    if (effect === 'live') return after;
    const opens = effect !== 'whole' && [before, after].every((value) => value === undefined || isTable(value));
    if (!opens) {
      held.push(...(effect === 'whole' ? [{ key: path.join('.'), before, after }] : fieldsOf(before, after, path)));
      return before;
    }
    const [old, young] = [before, after].map((value) => (isTable(value) ? value : {})) as [TomlTable, TomlTable];
    const members = [...new Set([...Object.keys(young), ...Object.keys(old)])].map((key): [string, Value] => [
      key,
      visit(own(old, key), own(young, key), [...path, key], effect === 'held'),
    ]);
    const kept = members.filter((pair): pair is [string, TomlValue] => pair[1] !== undefined);
    // A table of which nothing is left but that it was opened.
    if (kept.length === 0 && before === undefined) return Object.keys(young).length === 0 ? young : undefined;
    return Object.fromEntries(kept);
  };
  const table = visit(in_force.table, edited.table, [], false) as TomlTable;
  if (held.length === 0) return { live: edited, held };
  if (sameValue(table, in_force.table)) return { live: in_force, held };
  const live = readDocument(file, editToml(edited.text, edited.table, table));
  if (!isProblem(live)) return { live, held };
  return { live: in_force, held: fieldsOf(in_force.table, edited.table, []) };
}

/** Every value that differs, by its key; rules of a policy by their ids, and their order, if it alone differs, as one. */
function fieldsOf(before: Value, after: Value, path: Path): HeldField[] {
  if (sameValue(before, after)) return [];
  const either = before ?? after;
  if (isTable(either) && [before, after].every((value) => value === undefined || isTable(value))) {
    const [old, young] = [before, after].map((value) => (isTable(value) ? value : {})) as [TomlTable, TomlTable];
    const keys = [...new Set([...Object.keys(old), ...Object.keys(young)])];
    return keys.flatMap((key) => fieldsOf(own(old, key), own(young, key), [...path, key]));
  }
  const [old, young] = [before, after].map(byId);
  if (path.join('.') === 'rules' && old !== undefined && young !== undefined) {
    const ids = [...new Set([...old.keys(), ...young.keys()])];
    const fields = ids
      .filter((id) => !sameValue(old.get(id), young.get(id)))
      .map((id) => ({ key: [...path, id].join('.'), before: old.get(id), after: young.get(id) }));
    if (fields.length > 0) return fields;
    return [{ key: 'rules (order)', before: [...old.keys()], after: [...young.keys()] }];
  }
  return [{ key: path.join('.'), before, after }];
}

/** Undefined when an item has no id of its own. */
function byId(list: Value): Map<string, TomlTable> | undefined {
  if (list === undefined) return new Map();
  if (!Array.isArray(list)) return undefined;
  const items = new Map<string, TomlTable>();
  for (const item of list as readonly TomlValue[]) {
    const id = isTable(item) ? item['id'] : undefined;
    if (!isTable(item) || typeof id !== 'string' || items.has(id)) return undefined;
    items.set(id, item);
  }
  return items;
}
