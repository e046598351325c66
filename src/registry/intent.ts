import * as z from 'zod';
import { AgentConfig } from '../contracts/agent.js';
import { SystemConfig } from '../contracts/config.js';
import { AgentId } from '../contracts/ids.js';
import { Policy } from '../contracts/policy.js';
import { Relationship, relationshipProblem } from '../contracts/relationship.js';
import { ServiceConfig, ServiceName } from '../contracts/service.js';
import { agentsFrom0, type SchemaSteps, unchanged, upgrade } from './schema-steps.js';
import { editToml } from './toml/toml-edit.js';
import { lineOf } from './toml/toml-scan.js';
import { isTable, parseToml, TomlProblem, type TomlTable } from './toml/toml.js';

/** What should be: the files on branch `main`, parsed. A snapshot; a change makes a new one. */
export interface Intent {
  readonly agents: ReadonlyMap<string, AgentConfig>;
  readonly config: SystemConfig;
  /** In the order of the file. */
  readonly relationships: readonly Relationship[];
  readonly policy: Policy;
  readonly services: ReadonlyMap<string, ServiceConfig>;
  /** Raw text by file. */
  readonly files: ReadonlyMap<string, string>;
}

export const INTENT_FILES = [
  'agents.toml',
  'agent-relationships.toml',
  'approval-policy.toml',
  'mcp-services.toml',
  'system-config.toml',
] as const;
export type IntentFile = (typeof INTENT_FILES)[number];

/** Bytes beyond which a file is refused unread. */
export const MAX_INTENT_BYTES = 8 * 1024 * 1024;

/** What is wrong with a file, where. */
export interface FileProblem {
  readonly file: string;
  readonly line: number;
  readonly field: string;
  readonly message: string;
}

export const describeProblem = ({ file, line, field, message }: FileProblem): string =>
  `${file}:${line}: ${field === '' ? '' : `${field}: `}${message}`;

/** A file that fits: its text, its data as written, and keys that Nox does not know (kept, reported). */
export interface Document {
  readonly text: string;
  readonly table: TomlTable;
  readonly unknown_keys: readonly string[];
  /** The version that the text had which was read; text and data are of today's. */
  readonly migrated_from?: number;
}
export type DocumentSet = ReadonlyMap<IntentFile, Document>;

const Version = z.literal(1, { message: 'must be 1: this Nox knows no other version of the file' }).default(1);

const Relationships = z
  .looseObject({ schema_version: Version, relationships: z.array(Relationship).default([]) })
  .superRefine(({ relationships }, context) => {
    const problem = relationshipProblem(relationships);
    if (problem === undefined) return;
    context.addIssue({ code: 'custom', path: ['relationships', problem.index], message: problem.message });
  });

const Services = z.looseObject({
  schema_version: Version,
  services: z.record(ServiceName, ServiceConfig).default({}),
});

const Agents = z.looseObject({ schema_version: Version, agents: z.record(AgentId, AgentConfig).default({}) });

const SCHEMAS = {
  'agents.toml': Agents,
  'agent-relationships.toml': Relationships,
  'approval-policy.toml': Policy,
  'mcp-services.toml': Services,
  'system-config.toml': SystemConfig.extend({ schema_version: Version }),
} as const satisfies Record<IntentFile, z.ZodType>;

/** How each file came to be what it is; `schema_version` is their number. */
const STEPS: Readonly<Record<IntentFile, SchemaSteps>> = {
  'agents.toml': [agentsFrom0],
  'agent-relationships.toml': [unchanged],
  'approval-policy.toml': [unchanged],
  'mcp-services.toml': [unchanged],
  'system-config.toml': [unchanged],
};

/** Keys of an agent that only Nox writes; a person's new agent gets them when it is adopted. */
const STAMPS = ['created_at', 'last_modified'] as const;
const EPOCH = new Date(0).toISOString();

/**
 * Parses and validates one file. One of an older version is brought up to today's, with its comments; one of a newer
 * version is a problem.
 */
export function readDocument(file: IntentFile, given: string): Document | FileProblem {
  try {
    const written = parseToml(given);
    const upgraded = upgrade(written, STEPS[file]);
    if ('newer' in upgraded) return newerProblem(file, given, upgraded.newer);
    const { table, from } = upgraded;
    const is_old = from < STEPS[file].length;
    const text = is_old ? editToml(given, written, table) : given;
    const result = SCHEMAS[file].safeParse(file === 'agents.toml' ? stamped(table, EPOCH) : table);
    if (result.success) {
      const document = { text, table, unknown_keys: unknownKeys(SCHEMAS[file], table) };
      return is_old ? { ...document, migrated_from: from } : document;
    }
    const issue = result.error.issues[0];
    const path = (issue?.path ?? []).map(String);
    const inner = issue?.code === 'invalid_key' ? issue.issues[0]?.message : issue?.message;
    return { file, line: lineOf(given, path), field: path.join('.'), message: inner ?? 'does not fit' };
  } catch (error) {
    if (error instanceof TomlProblem) return { file, line: error.line, field: '', message: error.message };
    throw error;
  }
}

function newerProblem(file: IntentFile, text: string, newer: number): FileProblem {
  const message = `is ${newer}, written by a newer Nox; this one knows versions up to ${STEPS[file].length}. Start that Nox, or go back to the version in force: nox registry reject ${file}`;
  return { file, line: lineOf(text, ['schema_version']), field: 'schema_version', message };
}

export const isProblem = (read: object): read is FileProblem => 'message' in read;

/** The intent that a set of documents holds; all of them fit already. */
export function intentOf(documents: DocumentSet): Intent {
  return {
    agents: agentsOf(documents.get('agents.toml')),
    config: configOf(documents.get('system-config.toml')),
    relationships: relationshipsOf(documents.get('agent-relationships.toml')),
    policy: policyOf(documents.get('approval-policy.toml')),
    services: servicesOf(documents.get('mcp-services.toml')),
    files: new Map([...documents].map(([file, document]) => [file, document.text])),
  };
}

export function agentsOf(document: Document | undefined): Map<string, AgentConfig> {
  const { agents } = Agents.parse(stamped(document?.table ?? {}, EPOCH));
  return new Map(Object.entries(agents));
}

export const relationshipsOf = (document: Document | undefined): Relationship[] =>
  Relationships.parse(document?.table ?? {}).relationships;

export const policyOf = (document: Document | undefined): Policy => Policy.parse(document?.table ?? {});
export const servicesOf = (document: Document | undefined): Map<string, ServiceConfig> =>
  new Map(Object.entries(Services.parse(document?.table ?? {}).services));

export const configOf = (document: Document | undefined): SystemConfig => SystemConfig.parse(document?.table ?? {});

/** The data of `agents.toml` with a time wherever an agent lacks one. Same data, same object. */
export function stamped(table: TomlTable, now: string): TomlTable {
  const { agents } = table;
  if (!isTable(agents)) return table;
  const lacking = Object.entries(agents).filter(([, agent]) => isTable(agent) && STAMPS.some((key) => !(key in agent)));
  if (lacking.length === 0) return table;
  const stamps = Object.fromEntries(STAMPS.map((key) => [key, now]));
  const filled = lacking.map(([id, agent]) => [id, { ...stamps, ...(agent as TomlTable) }]);
  return { ...table, agents: { ...agents, ...Object.fromEntries(filled) } };
}

function unknownKeys(schema: unknown, value: unknown, path: readonly string[] = []): string[] {
  let type = schema;
  while (type instanceof z.ZodOptional || type instanceof z.ZodDefault || type instanceof z.ZodPrefault) {
    type = type.unwrap();
  }
  if (!isTable(value)) return [];
  if (type instanceof z.ZodRecord) {
    const { valueType } = type;
    return Object.entries(value).flatMap(([key, member]) => unknownKeys(valueType, member, [...path, key]));
  }
  if (!(type instanceof z.ZodObject)) return [];
  const shape: Readonly<Record<string, unknown>> = type.shape;
  return Object.entries(value).flatMap(([key, member]) =>
    key in shape ? unknownKeys(shape[key], member, [...path, key]) : [[...path, key].join('.')],
  );
}
