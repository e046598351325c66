import { NoxError } from '../shared/nox-error.js';
import { commonLength } from './common-length.js';
import type { Document, FileProblem, IntentFile } from './intent.js';
import { SECRET_FORMATS } from './secret-formats.js';
import { lineOf } from './toml/toml-scan.js';
import { isTable, type TomlTable, type TomlValue } from './toml/toml.js';

/** A secret in a file: where, and of which kind. Never the value. */
export interface SecretFinding {
  readonly file: IntentFile;
  /** As `agents.lead.system_prompt`; empty in a comment. */
  readonly key: string;
  readonly line: number;
  readonly kind: string;
}

const REMEDY = 'put it into .nox/secrets or the environment of Nox, and write file:NAME or env:NAME here';

/** What stood there before, as far as it is at hand. */
export interface Earlier {
  readonly text: string;
  readonly table?: TomlTable;
}

/** How far a pattern looks back beyond its hit, with room. */
const CONTEXT_CHARS = 512;

/**
 * The first secret in a document that its version before did not hold: git forgets nothing, so it must not come in. What is
 * in the history already is not refused again, else nobody could write any more. Only what differs is looked at: a hit that
 * touches nothing new was there before.
 */
export function newSecret(
  file: IntentFile,
  document: Document,
  before: Earlier | undefined,
): SecretFinding | undefined {
  const values = freshStrings(document.table, before?.table);
  const fresh = freshText(document.text, before?.text);
  const is_new = (hit: string): boolean => before?.text.includes(hit) !== true;
  for (const [kind, pattern] of SECRET_FORMATS) {
    const in_key = values.find(([, text]) => matches(text, pattern).some(is_new));
    if (in_key !== undefined) {
      const [path] = in_key;
      return { file, key: path.join('.'), line: lineOf(document.text, path), kind };
    }
    const hit = matches(fresh, pattern).find(is_new);
    if (hit === undefined) continue;
    return { file, key: '', line: document.text.slice(0, document.text.indexOf(hit)).split('\n').length, kind };
  }
  return undefined;
}

/** SECRET_REFUSED, naming file, key and kind. */
export function refuseSecrets(
  documents: ReadonlyMap<IntentFile, Document>,
  before: ReadonlyMap<IntentFile, Document>,
): void {
  for (const [file, document] of documents) {
    const found = newSecret(file, document, before.get(file));
    if (found === undefined) continue;
    throw new NoxError('SECRET_REFUSED', `${file}: ${found.key || `line ${found.line}`} ${secretWords(found)}`, {
      file,
      key: found.key,
      kind: found.kind,
    });
  }
}

/** The same as a problem of a file that a person edited. */
export function secretProblem(
  file: IntentFile,
  document: Document,
  before: Earlier | undefined,
): FileProblem | undefined {
  const found = newSecret(file, document, before);
  return found && { file, line: found.line, field: found.key, message: secretWords(found) };
}

const secretWords = ({ kind }: SecretFinding): string =>
  `holds what looks like a secret (${kind}); git never forgets, so it was not committed: ${REMEDY}.`;

const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([hit]) => hit);

/** Whole lines: those that differ, and some around them. All of it where a private key spans lines. */
function freshText(text: string, before = ''): string {
  if (text.includes('PRIVATE KEY')) return text;
  const shorter = Math.min(text.length, before.length);
  const head = commonLength(shorter, (at, end) => text.slice(at, end) === before.slice(at, end));
  const [t, b] = [text.length, before.length];
  const tail = commonLength(shorter - head, (at, end) => text.slice(t - end, t - at) === before.slice(b - end, b - at));
  const start = text.lastIndexOf('\n', Math.max(head - CONTEXT_CHARS, 0)) + 1;
  const end = text.indexOf('\n', t - tail);
  return text.slice(Math.min(start, head), end < 0 ? t : end);
}

/** Keys and strings that are not the same at the same place as before. */
function freshStrings(
  value: TomlValue,
  before: TomlValue | undefined,
  path: readonly string[] = [],
): (readonly [path: readonly string[], text: string])[] {
  if (value === before) return [];
  if (typeof value === 'string') return [[path, value]];
  if (Array.isArray(value)) {
    const old: readonly TomlValue[] = Array.isArray(before) ? before : [];
    return value.flatMap((item: TomlValue, i) => freshStrings(item, old[i], [...path, String(i)]));
  }
  if (!isTable(value)) return [];
  const old = isTable(before) ? before : {};
  return Object.entries(value).flatMap(([key, member]) => {
    const known = Object.hasOwn(old, key);
    const inner = freshStrings(member, known ? old[key] : undefined, [...path, key]);
    return known ? inner : [[[...path, key], key] as const, ...inner];
  });
}
