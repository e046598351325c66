import { gitObject, type GitObject } from './git-object.js';

export interface Leaf {
  readonly mode: string;
  readonly oid: string;
}

const FOLDER = '40000';

/** A version of the files, held open for changes; folders are hashed again only where something changed. */
export class Tree {
  private readonly entries = new Map<string, Leaf | Tree>();
  /** Undefined: changed since it was hashed. */
  private hash: string | undefined;

  /** From `git ls-tree -r -t -z --full-tree`: with the hashes of folders. */
  static fromListing(listing: string, root_oid: string): Tree {
    const root = new Tree();
    root.hash = root_oid;
    for (const line of listing.split('\0')) {
      const [meta = '', path] = line.split('\t', 2);
      const [mode = '', type, oid = ''] = meta.split(' ');
      if (path === undefined) continue;
      const names = path.split('/');
      const name = names.pop() ?? '';
      let folder = root;
      for (const above of names) folder = folder.folder(above);
      if (type === 'tree') folder.folder(name).hash = oid;
      else folder.entries.set(name, { mode: mode.replace(/^0/, ''), oid });
    }
    return root;
  }

  get(path: string): Leaf | undefined {
    const [name, rest] = split(path);
    const entry = this.entries.get(name);
    if (entry instanceof Tree) return rest === undefined ? undefined : entry.get(rest);
    return rest === undefined ? entry : undefined;
  }

  /** Null takes the file away. A file in the way of a folder goes, and a folder in the way of a file. */
  set(path: string, leaf: Leaf | null): void {
    const [name, rest] = split(path);
    this.hash = undefined;
    if (rest !== undefined) {
      if (leaf === null && !(this.entries.get(name) instanceof Tree)) return;
      const folder = this.folder(name);
      folder.set(rest, leaf);
      if (folder.entries.size === 0) this.entries.delete(name);
    } else if (leaf === null) this.entries.delete(name);
    else this.entries.set(name, leaf);
  }

  /** Its hash; folders that changed are given to `emit`, inner ones first. */
  write(emit: (tree: GitObject) => void): string {
    if (this.hash !== undefined) return this.hash;
    const rows = [...this.entries].map(([name, entry]) => {
      const folder = entry instanceof Tree;
      const [mode, oid] = folder ? [FOLDER, entry.write(emit)] : [entry.mode, entry.oid];
      const bytes = Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, 'hex')]);
      return { key: Buffer.from(folder ? `${name}/` : name), bytes };
    });
    rows.sort((a, b) => Buffer.compare(a.key, b.key));
    const tree = gitObject('tree', Buffer.concat(rows.map(({ bytes }) => bytes)));
    emit(tree);
    this.hash = tree.oid;
    return tree.oid;
  }

  /** Every file with its path. */
  *files(above = ''): Generator<[path: string, leaf: Leaf]> {
    for (const [name, entry] of this.entries) {
      if (entry instanceof Tree) yield* entry.files(`${above}${name}/`);
      else yield [above + name, entry];
    }
  }

  private folder(name: string): Tree {
    const known = this.entries.get(name);
    if (known instanceof Tree) return known;
    const made = new Tree();
    this.entries.set(name, made);
    return made;
  }
}

function split(path: string): [name: string, rest: string | undefined] {
  const at = path.indexOf('/');
  return at < 0 ? [path, undefined] : [path.slice(0, at), path.slice(at + 1)];
}
