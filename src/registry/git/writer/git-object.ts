import { createHash } from 'node:crypto';

export type ObjectType = 'blob' | 'tree' | 'commit';

/** An object of git: its name is the hash of its type, length and bytes. */
export interface GitObject {
  readonly oid: string;
  readonly type: ObjectType;
  readonly body: Buffer;
  /** Where a blob stands in its tree: versions of one path are stored as differences. */
  readonly path?: string;
}

export interface Identity {
  readonly name: string;
  readonly email: string;
}

export function gitObject(type: ObjectType, body: Buffer, path?: string): GitObject {
  const oid = createHash('sha1').update(`${type} ${body.length}\0`).update(body).digest('hex');
  return { oid, type, body, ...(path === undefined ? {} : { path }) };
}

export const blobOid = (body: Buffer): string => gitObject('blob', body).oid;

/** Author and committer are the same; `message` ends with a newline. */
export function commitObject(commit: {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: Identity;
  readonly at_ms: number;
  readonly message: string;
}): GitObject {
  const { tree, parents, author, at_ms, message } = commit;
  const who = signature(author, at_ms);
  const lines = [`tree ${tree}`, ...parents.map((parent) => `parent ${parent}`), `author ${who}`, `committer ${who}`];
  return gitObject('commit', Buffer.from(`${lines.join('\n')}\n\n${message}`));
}

/** `name <email> seconds zone`, as commits and reflogs have it. */
export const signature = ({ name, email }: Identity, at_ms: number): string =>
  `${name} <${email}> ${Math.floor(at_ms / 1000)} +0000`;
