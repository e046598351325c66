import type { ExternalEdit } from '../../contracts/registry.js';
import { type Document, type FileProblem, INTENT_FILES, type IntentFile } from '../intent.js';
import { versionName } from './adoption.js';
import type { Version } from './base.js';
import type { HeldField } from './held.js';

const MAX_VERSIONS = 64;
const MAX_VERSION_CHARS = 8 * 1024 * 1024;

/** What is known of one file of the folder. */
interface Working {
  /** Text as last seen; undefined: unreadable. */
  seen: string | undefined;
  /** The last version on the disk that fits: what is in force, and what waits. */
  document: Document;
  /** Versions that stood before it, newest first. */
  past: readonly Version[];
  /** What a person should look at. */
  edit: ExternalEdit | undefined;
}

/** The intent files as they stand on the disk, which may be more, or something else, than what is in force. */
export class WorkingFiles {
  private readonly files = new Map<IntentFile, Working>();

  constructor(documents: ReadonlyMap<IntentFile, Document>) {
    for (const [file, document] of documents)
      this.files.set(file, { seen: document.text, document, past: [], edit: undefined });
  }

  /** Edits that wait or do not fit, in the order of the files. */
  get edits(): ExternalEdit[] {
    return INTENT_FILES.flatMap((file) => this.files.get(file)?.edit ?? []);
  }

  edit(file: IntentFile): ExternalEdit | undefined {
    return this.files.get(file)?.edit;
  }

  seen(file: IntentFile): string | undefined {
    return this.files.get(file)?.seen;
  }

  document(file: IntentFile): Document | undefined {
    return this.files.get(file)?.document;
  }

  /** What stood on the disk, newest first. */
  versions(file: IntentFile): readonly [Version, ...Version[]] {
    const { document, past } = this.of(file);
    return [document, ...past];
  }

  /** Another version that fits stands there now: by a write, or as somebody saved it, or as that was merged. */
  stands(
    file: IntentFile,
    document: Document,
    held: readonly HeldField[],
    at: { readonly ms: number; readonly iso: string },
    by_hand?: { readonly kept: string | null; readonly saved: Document | undefined },
  ): void {
    const working = this.of(file);
    const replaced_by = by_hand === undefined ? 'write' : 'hand';
    const replaced = [
      ...(by_hand?.saved === undefined ? [] : [old(by_hand.saved, at.ms, 'write')]),
      ...(working.document.text === document.text ? [] : [old(working.document, at.ms, replaced_by)]),
    ];
    if (replaced.length > 0) working.past = bounded([...replaced, ...working.past]);
    working.seen = document.text;
    working.document = document;
    const { edit } = working;
    working.edit =
      held.length === 0
        ? undefined
        : {
            file,
            state: 'held',
            version: versionName(document.text),
            since: edit?.state === 'held' ? edit.since : at.iso,
            fields: held.map(({ key, before, after }) => ({ key, before: before ?? null, after: after ?? null })),
            problem: null,
            saved: by_hand?.kept ?? edit?.saved ?? null,
          };
  }

  /** What stands there does not fit. */
  fails(
    file: IntentFile,
    text: string | undefined,
    { line, field, message }: FileProblem,
    iso: string,
    kept: string | null,
  ): void {
    const working = this.of(file);
    working.seen = text;
    const problem = { line, field, message };
    working.edit = { file, state: 'invalid', version: versionName(text), since: iso, fields: [], problem, saved: kept };
  }

  private of(file: IntentFile): Working {
    const working = this.files.get(file);
    if (working === undefined) throw new TypeError(`${file} is no file of intent`);
    return working;
  }
}

const old = ({ text, table }: Document, until_ms: number, replaced_by: 'write' | 'hand'): Version => {
  return { text, table, until_ms, replaced_by };
};

function bounded(versions: readonly Version[]): readonly Version[] {
  let chars = 0;
  return versions.slice(0, MAX_VERSIONS).filter(({ text }) => (chars += text.length) <= MAX_VERSION_CHARS);
}
