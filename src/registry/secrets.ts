import { NoxError } from '../shared/nox-error.js';
import type { Document, FileProblem, IntentFile } from './intent.js';
import { SECRET_FORMATS } from './secret-formats.js';
import { lineOf } from './toml/toml-scan.js';
import { isTable, type TomlValue } from './toml/toml.js';

/** A secret in a file: where, and of which kind. Never the value. */
export interface SecretFinding {
  readonly file: IntentFile;
  /** As `agents.lead.system_prompt`; empty in a comment. */
  readonly key: string;
  readonly line: number;
  readonly kind: string;
}

const REMEDY = 'put it into .nox/secrets or the environment of Nox, and write file:NAME or env:NAME here';

/**
 * The first secret in a document that its version before did not hold: git forgets nothing, so it must not come in. What is
 * in the history already is not refused again, else nobody could write any more.
 */
export function newSecret(file: IntentFile, document: Document, before: string | undefined): SecretFinding | undefined {
  for (const [kind, pattern] of SECRET_FORMATS) {
    const values = strings(document.table).flatMap(([path, text]) =>
      matches(text, pattern).map((hit) => [path, hit] as const),
    );
    const in_key = values.find(([, hit]) => before?.includes(hit) !== true);
    if (in_key !== undefined) {
      const [path] = in_key;
      return { file, key: path.join('.'), line: lineOf(document.text, path), kind };
    }
    const hit = matches(document.text, pattern).find((each) => before?.includes(each) !== true);
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
    const found = newSecret(file, document, before.get(file)?.text);
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
  before: string | undefined,
): FileProblem | undefined {
  const found = newSecret(file, document, before);
  return found && { file, line: found.line, field: found.key, message: secretWords(found) };
}

const secretWords = ({ kind }: SecretFinding): string =>
  `holds what looks like a secret (${kind}); git never forgets, so it was not committed: ${REMEDY}.`;

const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([hit]) => hit);

function strings(value: TomlValue, path: readonly string[] = []): (readonly [path: readonly string[], text: string])[] {
  if (typeof value === 'string') return [[path, value]];
  if (Array.isArray(value)) return value.flatMap((item: TomlValue, i) => strings(item, [...path, String(i)]));
  if (!isTable(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => [[path, key] as const, ...strings(member, [...path, key])]);
}
