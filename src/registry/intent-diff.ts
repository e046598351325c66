import type { ObjectChange } from '../contracts/registry.js';
import {
  type Document,
  INTENT_FILES,
  type Intent,
  type IntentFile,
  agentsOf,
  configOf,
  isProblem,
  readDocument,
} from './intent.js';
import { isTable, sameValue } from './toml/toml.js';

type Field = ObjectChange['fields'][number];
/** Objects of one kind by id, as flat fields. */
type Objects = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

/** Changes by every write; says nothing. */
const SILENT_FIELDS = new Set(['last_modified']);

/** What differs between two intents, object by object. */
export const diffIntents = (before: Intent, after: Intent): ObjectChange[] => diffFiles(before.files, after.files);

/**
 * What differs between two versions of the intent files. A file that changed without a change of its objects (a comment),
 * or that does not fit on one side, is named as a file.
 */
export function diffFiles(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): ObjectChange[] {
  return INTENT_FILES.flatMap((file) => {
    const [old, young] = [before.get(file), after.get(file)];
    if (old === young) return [];
    const changes = objectChanges(file, old, young);
    if (changes !== undefined && changes.length > 0) return changes;
    const change = old === undefined ? 'added' : young === undefined ? 'removed' : 'changed';
    return [{ kind: 'file', id: file, change, fields: [] }];
  });
}

function objectChanges(
  file: IntentFile,
  old: string | undefined,
  young: string | undefined,
): ObjectChange[] | undefined {
  const [before, after] = [old, young].map((text) => (text === undefined ? undefined : readDocument(file, text)));
  if (before !== undefined && isProblem(before)) return undefined;
  if (after !== undefined && isProblem(after)) return undefined;
  const { kind, objects } = VIEWS[file];
  return diffObjects(
    kind,
    before === undefined ? new Map() : objects(before),
    after === undefined ? new Map() : objects(after),
  );
}

function diffObjects(kind: ObjectChange['kind'], before: Objects, after: Objects): ObjectChange[] {
  const ids = [...new Set([...before.keys(), ...after.keys()])];
  return ids.flatMap((id) => {
    const [old, young] = [before.get(id), after.get(id)];
    const fields = diffFields(old, young);
    if (old !== undefined && young !== undefined && fields.length === 0) return [];
    const change = old === undefined ? 'added' : young === undefined ? 'removed' : 'changed';
    return [{ kind, id, change, fields }];
  });
}

function diffFields(
  before: ReadonlyMap<string, unknown> = new Map(),
  after: ReadonlyMap<string, unknown> = new Map(),
): Field[] {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names
    .filter((field) => !SILENT_FIELDS.has(field) && !sameValue(before.get(field), after.get(field)))
    .map((field) => ({ field, before: before.get(field) ?? null, after: after.get(field) ?? null }));
}

const VIEWS: Record<IntentFile, { kind: ObjectChange['kind']; objects: (document: Document) => Objects }> = {
  'agents.toml': { kind: 'agent', objects: (d) => new Map([...agentsOf(d)].map(([id, agent]) => [id, flat(agent)])) },
  'agent-relationships.toml': {
    kind: 'relationships',
    objects: (d) => listed(d.table['relationships'], (r) => `${String(r['from'])} -> ${String(r['to'])}`),
  },
  'approval-policy.toml': {
    kind: 'policy',
    objects: (d) =>
      new Map([
        ...(isTable(d.table['defaults']) ? [['defaults', flat(d.table['defaults'])] as const] : []),
        ...listed(d.table['rules'], (rule) => String(rule['id'])),
      ]),
  },
  'mcp-services.toml': {
    kind: 'service',
    objects: (d) => {
      const services = d.table['services'];
      return new Map(isTable(services) ? Object.entries(services).map(([id, service]) => [id, flat(service)]) : []);
    },
  },
  'system-config.toml': { kind: 'config', objects: (d) => new Map([['system-config', flat(configOf(d))]]) },
};

function listed(list: unknown, idOf: (item: Readonly<Record<string, unknown>>) => string): Objects {
  const items = Array.isArray(list) ? list.filter(isTable) : [];
  return new Map(items.map((item) => [idOf(item), flat(item)]));
}

/** `{a: {b: 1}}` as `a.b`; lists stay whole. */
function flat(value: unknown, path = ''): Map<string, unknown> {
  if (!isTable(value)) return new Map([[path, value]]);
  const members = Object.entries(value).map(([key, member]) => flat(member, path === '' ? key : `${path}.${key}`));
  return new Map(members.flatMap((fields) => Array.from(fields)));
}
