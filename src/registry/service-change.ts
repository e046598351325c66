import type { Actor } from '../contracts/auth.js';
import { ServiceConfig } from '../contracts/service.js';
import { NoxError } from '../shared/nox-error.js';
import { type Base, type Change, parsed, versionOf } from './intent-change.js';
import { servicesOf } from './intent.js';
import { editToml } from './toml/toml-edit.js';
import { isTable, sameValue, type TomlTable, withoutUndefined } from './toml/toml.js';

const FILE = 'mcp-services.toml';

/** Keys of a service as a person writes them; `undefined` takes one away. */
export type ServicePatch = Readonly<Record<string, unknown>>;

/** SERVICE_ALREADY_EXISTS, VALIDATION_ERROR. Only the keys given are written; defaults stay unwritten. */
export function addServiceChange(base: Base, name: string, service: ServicePatch, actor: Actor): Change {
  if (base.intent.services.has(name)) throw new NoxError('SERVICE_ALREADY_EXISTS', undefined, { name });
  return change(base, name, withoutUndefined(service) as TomlTable, actor, 'install');
}

/** SERVICE_NOT_FOUND, VALIDATION_ERROR; null when nothing changes. */
export function updateServiceChange(
  base: Base,
  name: string,
  patch: ServicePatch,
  actor: Actor,
  action: string,
): Change | null {
  const old = serviceTable(base, name);
  const table = withoutUndefined({ ...old, ...patch }) as TomlTable;
  return sameValue(old, table) ? null : change(base, name, table, actor, action);
}

/** SERVICE_NOT_FOUND. */
export function removeServiceChange(base: Base, name: string, actor: Actor): Change {
  serviceTable(base, name);
  return change(base, name, undefined, actor, 'remove');
}

function serviceTable({ versions }: Base, name: string): TomlTable {
  const { services } = versionOf(versions, FILE).table;
  const table = isTable(services) && Object.hasOwn(services, name) ? services[name] : undefined;
  if (!isTable(table)) throw new NoxError('SERVICE_NOT_FOUND', undefined, { name });
  return table;
}

function change(
  { intent, versions }: Base,
  name: string,
  service: TomlTable | undefined,
  actor: Actor,
  action: string,
): Change {
  if (service !== undefined) parsed('service', ServiceConfig, service);
  const old = versionOf(versions, FILE);
  const known = isTable(old.table['services']) ? old.table['services'] : {};
  const others = Object.fromEntries(Object.entries(known).filter(([key]) => key !== name));
  const table = { ...old.table, services: service === undefined ? others : { ...known, [name]: service } };
  const document = { ...old, text: editToml(old.text, old.table, table), table };
  return {
    note: { area: 'service', action, object: name, object_ref: `service:${name}`, actor },
    documents: new Map([[FILE, document]]),
    intent: { ...intent, services: servicesOf(document), files: new Map([...intent.files, [FILE, document.text]]) },
  };
}
