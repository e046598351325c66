import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { RegistryCommit } from '../contracts/registry.js';

const VERSION = 1;
const SCHEMA = `
  CREATE TABLE tips (ref TEXT PRIMARY KEY, tip TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE commits (
    ref TEXT NOT NULL, n INTEGER NOT NULL, hash TEXT NOT NULL, at_ms INTEGER NOT NULL, commit_json TEXT NOT NULL,
    PRIMARY KEY (ref, n)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX commits_hash ON commits (ref, hash);
  CREATE TABLE touched (ref TEXT NOT NULL, what TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (ref, what, n)) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${VERSION};
`;

/** What is asked of the index; all of it must hold. */
export interface IndexQuery {
  readonly ref: string;
  readonly limit: number;
  /** Older than this commit. */
  readonly before?: string | undefined;
  readonly since_ms?: number | undefined;
  /** A file, or a folder with what is below it. */
  readonly path?: string | undefined;
  /** As `agent:lead`. */
  readonly object?: string | undefined;
}

/** A commit with the objects that it changed. */
export interface Indexed {
  readonly commit: RegistryCommit;
  readonly objects: readonly string[];
}

/**
 * Which commit touched which file and object, by ref: a copy of what git says, kept beside it in `.git`. It promises
 * nothing by itself: a file that is missing, damaged or of another version begins empty, and is filled from git again.
 */
export class HistoryIndex {
  private db: DatabaseSync;

  constructor(private readonly path: string) {
    this.db = this.open();
  }

  /** Up to which commit a ref is in the index. */
  tip(ref: string): string | undefined {
    const row = this.db.prepare('SELECT tip FROM tips WHERE ref = ?').get(ref);
    return row === undefined ? undefined : String(row['tip']);
  }

  /** Appends commits, the oldest first. */
  append(ref: string, commits: readonly Indexed[], tip: string): void {
    this.inOne(() => {
      const next = this.db.prepare('SELECT coalesce(max(n), 0) + 1 AS n FROM commits WHERE ref = ?').get(ref);
      const add = this.db.prepare('INSERT INTO commits (ref, n, hash, at_ms, commit_json) VALUES (?, ?, ?, ?, ?)');
      const touch = this.db.prepare('INSERT OR IGNORE INTO touched (ref, what, n) VALUES (?, ?, ?)');
      let n = Number(next?.['n'] ?? 1);
      for (const { commit, objects } of commits) {
        add.run(ref, n, commit.hash, Date.parse(commit.timestamp), JSON.stringify(commit));
        for (const what of [...commit.files.flatMap(pathAndFolders), ...objects]) touch.run(ref, what, n);
        n += 1;
      }
      this.db.prepare('INSERT OR REPLACE INTO tips (ref, tip) VALUES (?, ?)').run(ref, tip);
    });
  }

  forget(ref: string): void {
    this.inOne(() => {
      for (const table of ['tips', 'commits', 'touched'])
        this.db.prepare(`DELETE FROM ${table} WHERE ref = ?`).run(ref);
    });
  }

  /** Newest first. Undefined when `before` is not among the ref's commits. */
  find({ ref, limit, before, since_ms, path, object }: IndexQuery): RegistryCommit[] | undefined {
    let below = Number.MAX_SAFE_INTEGER;
    if (before !== undefined) {
      const row = this.db.prepare('SELECT n FROM commits WHERE ref = ? AND hash = ?').get(ref, before);
      if (row === undefined) return undefined;
      below = Number(row['n']);
    }
    const [first, second] = [path === undefined ? undefined : `path:${path}`, object].filter(
      (what) => what !== undefined,
    );
    const from =
      first === undefined
        ? 'commits c WHERE c.ref = ?1'
        : 'touched t JOIN commits c ON c.ref = t.ref AND c.n = t.n WHERE t.ref = ?1 AND t.what = ?5';
    const also =
      second === undefined
        ? ''
        : ' AND EXISTS (SELECT 1 FROM touched o WHERE o.ref = ?1 AND o.what = ?6 AND o.n = c.n)';
    const order = first === undefined ? 'c.n' : 't.n';
    const sql = `SELECT c.commit_json FROM ${from} AND ${order} < ?2 AND c.at_ms >= ?3${also} ORDER BY ${order} DESC LIMIT ?4`;
    const values = [
      ref,
      below,
      since_ms ?? 0,
      limit,
      ...(first === undefined ? [] : [first]),
      ...(second === undefined ? [] : [second]),
    ];
    return this.db
      .prepare(sql)
      .all(...values)
      .map((row) => JSON.parse(String(row['commit_json'])) as RegistryCommit);
  }

  close(): void {
    this.db.close();
  }

  private inOne(work: () => void): void {
    this.db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.db.exec('COMMIT');
    } catch (error) {
      this.db.exec('ROLLBACK');
      throw error;
    }
  }

  private open(): DatabaseSync {
    try {
      const db = openFile(this.path);
      const [version] = Object.values(db.prepare('PRAGMA user_version').get() ?? {});
      if (version === VERSION && db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'] === 'ok') return db;
      db.close();
    } catch {
      // Damaged: it is only a copy.
    }
    this.drop();
    const db = openFile(this.path);
    db.exec(SCHEMA);
    return db;
  }

  /** Closes it and takes its file away: it is only a copy. */
  discard(): void {
    this.close();
    this.drop();
  }

  private drop(): void {
    for (const end of ['', '-journal', '-wal', '-shm']) rmSync(`${this.path}${end}`, { force: true });
  }
}

function openFile(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  // What a power cut takes from it is read from git again.
  db.exec('PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;');
  return db;
}

/** As git's pathspecs match: the file, and each folder above it. */
function pathAndFolders(file: string): string[] {
  const names = file.split('/');
  return names.map((_, n) => `path:${names.slice(0, n + 1).join('/')}`);
}
