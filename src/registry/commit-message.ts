import type { Actor } from '../contracts/auth.js';
import type { RegistryCommit } from '../contracts/registry.js';

/** What a commit says: `<area>: <action> <object>`, and trailers for programs. */
export interface CommitNote {
  readonly area: 'agent' | 'relationships' | 'service' | 'config' | 'policy' | 'registry' | 'record';
  readonly action: string;
  /** As the subject names it: `lead`, `to 3fa9c1d`. */
  readonly object: string;
  /** As the trailer names it, with its kind: `agent:lead`. */
  readonly object_ref: string;
  readonly actor: Actor;
  readonly rollback_of?: string;
  readonly rollback_to?: string;
  readonly merge_of?: string;
}

const TRAILERS = {
  actor: 'Nox-Actor',
  action: 'Nox-Action',
  object: 'Nox-Object',
  request_id: 'Nox-Request-Id',
  rollback_of: 'Nox-Rollback-Of',
  rollback_to: 'Nox-Rollback-To',
  merge_of: 'Nox-Merge-Of',
} as const;
type TrailerName = keyof typeof TRAILERS;
const TRAILER_NAMES = Object.keys(TRAILERS) as TrailerName[];

/** One line without control characters, so that nobody's name can add a trailer. */
const oneLine = (text: string): string => text.replace(CONTROL, ' ').trim().slice(0, 200);
// oxlint-disable-next-line no-control-regex -- these are the characters to remove
const CONTROL = /[\u0000-\u001f\u007f\u2028\u2029]+/g;

const value = (text: string | undefined): string | null => (text === undefined ? null : oneLine(text));

export const subjectOf = (note: CommitNote): string => oneLine(`${note.area}: ${note.action} ${note.object}`);

function trailersOf(note: CommitNote): Record<TrailerName, string | null> {
  return {
    actor: value(note.actor.name),
    action: value(note.action),
    object: value(note.object_ref),
    request_id: value(note.actor.request_id),
    rollback_of: value(note.rollback_of),
    rollback_to: value(note.rollback_to),
    merge_of: value(note.merge_of),
  };
}

export function formatMessage(note: CommitNote): string {
  const values = trailersOf(note);
  const lines = TRAILER_NAMES.filter((name) => values[name] !== null).map(
    (name) => `${TRAILERS[name]}: ${values[name]}`,
  );
  return `${subjectOf(note)}\n\n${lines.join('\n')}\n`;
}

/** Name and address for git; `<`, `>` and line ends would break its header. */
export function identityOf(actor_name: string): { name: string; email: string } {
  const name = oneLine(actor_name).replace(/[<>]/g, '').trim() || 'unknown';
  return { name, email: `${name.replace(/[^A-Za-z0-9._-]+/g, '-')}@nox.invalid` };
}

/** The commit just made, as history will show it. */
export function commitOf(note: CommitNote, made: { hash: string; timestamp: string; files: string[] }): RegistryCommit {
  return { ...made, subject: subjectOf(note), author: identityOf(note.actor.name).name, ...trailersOf(note) };
}

/** Git forbids NUL in messages, so nothing in one can forge a field. */
export const LOG_FORMAT = [
  '%x00%x00%H',
  '%an',
  '%at',
  '%s',
  ...TRAILER_NAMES.map((name) => `%(trailers:key=${TRAILERS[name]},valueonly,separator=%x20)`),
].join('%x00');

/** How `git log` is to tell of commits. */
export const LOG_ARGS: readonly string[] = [
  '-z',
  '--name-only',
  '--no-renames',
  '--diff-merges=first-parent',
  '--root',
  `--format=${LOG_FORMAT}`,
];

/** Reads what `git log` wrote with LOG_ARGS. */
export function parseLog(output: string): RegistryCommit[] {
  const tokens = output.split('\0');
  const commits: RegistryCommit[] = [];
  for (let at = 0; at < tokens.length;) {
    if (tokens[at] === '') {
      at += 1;
      continue;
    }
    const [hash = '', author = '', seconds = '0', subject = '', ...trailers] = tokens.slice(
      at,
      at + 4 + TRAILER_NAMES.length,
    );
    at += 4 + TRAILER_NAMES.length;
    const files: string[] = [];
    for (; at < tokens.length && tokens[at]?.trim() !== ''; at += 1) files.push(tokens[at]?.replace(/^\n/, '') ?? '');
    const values = Object.fromEntries(TRAILER_NAMES.map((name, i) => [name, trailers[i]?.trim() || null]));
    commits.push({
      hash,
      subject,
      author,
      timestamp: new Date(Number(seconds) * 1000).toISOString(),
      ...(values as Record<TrailerName, string | null>),
      files,
    });
  }
  return commits;
}
