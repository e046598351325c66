import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { backup, DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { errnoOf, messageOf, NoxError } from '../nox-error.js';
import { MIGRATIONS } from './schema.js';

export type Row = Record<string, string | number | null>;

/** How long works wait for others that may: with a thousand messages a minute the next is nearer than that. */
const LINGER_MS = 100;

/** Pages of the write-ahead log that are copied at once: most are the same few again and again, so the fewer copies the longer it is. */
const CHECKPOINT_PAGES = 4000;

interface Waiting {
  readonly work: (tx: Tx) => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** What a unit of work may do: statements of one transaction, and a word that is said once it is durable. */
export interface Tx {
  run(sql: string, ...values: SQLInputValue[]): { changes: number; last_id: number };
  all<T = Row>(sql: string, ...values: SQLInputValue[]): T[];
  get<T = Row>(sql: string, ...values: SQLInputValue[]): T | undefined;
  /** Runs after the commit, in the order of the calls; never when the work failed. */
  afterCommit(fn: () => void): void;
}

/** The journal as it was at one instant. */
export interface JournalSnapshot {
  /** Writes it to a new file. */
  copyTo(path: string): Promise<void>;
  release(): void;
}

/**
 * The flow's database (DESIGN 2.4): SQLite in WAL mode with `synchronous=FULL`. Contract:
 * - `write` resolves only when its work is on the disk; works that throw leave nothing and reject alone.
 * - All works queued in one turn of the event loop share one transaction (group commit), in the order they came.
 * - A commit costs more than most works. What nobody waits for may linger for a moment to share that of another.
 * - `afterCommit` callbacks of earlier works run before those of later ones.
 */
export class StateDb {
  private readonly db: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private waiting: Waiting[] = [];
  private flushing = false;
  private lingering: NodeJS.Timeout | undefined;
  private closed = false;
  private commits = 0;
  /** Set by wiring: faults of what is said after a commit, which must not reach the writers. */
  onListenerError: (error: unknown) => void = () => undefined;

  constructor(private readonly path: string) {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.db = new DatabaseSync(path);
    if (path !== ':memory:') chmodSync(path, 0o600);
    this.db.exec(
      `PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
       PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};`,
    );
    this.migrate();
  }

  write<T>(work: (tx: Tx) => T, when: 'now' | 'soon' = 'now'): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.closed) {
        reject(new NoxError('SHUTTING_DOWN'));
        return;
      }
      this.waiting.push({ work, resolve, reject });
      if (when === 'soon') {
        this.lingering ??= setTimeout(() => this.flush(), LINGER_MS);
      } else if (!this.flushing) {
        this.flushing = true;
        setImmediate(() => this.flush());
      }
    });
  }

  all<T = Row>(sql: string, ...values: SQLInputValue[]): T[] {
    return this.prepare(sql).all(...values) as T[];
  }

  get<T = Row>(sql: string, ...values: SQLInputValue[]): T | undefined {
    return this.prepare(sql).get(...values) as T | undefined;
  }

  /** Changes with each commit, and again when all who wait for it have been told. */
  get generation(): number {
    return this.commits;
  }

  getMeta(key: string): string | undefined {
    return this.get<{ value: string }>('SELECT value FROM meta WHERE key = ?', key)?.value;
  }

  setMeta(key: string, value: string, when: 'now' | 'soon' = 'now'): Promise<void> {
    return this.write((tx) => {
      tx.run(
        'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
        key,
        value,
      );
    }, when);
  }

  /**
   * Holds on to all that is committed at this instant, while writes go on. Whoever takes it must copy or release it: the
   * write-ahead log grows until then.
   */
  snapshot(): JournalSnapshot {
    const reader = new DatabaseSync(this.path, { readOnly: true });
    try {
      // A read makes the transaction begin.
      reader.exec('BEGIN; SELECT count(*) FROM meta;');
    } catch (error) {
      reader.close();
      throw error;
    }
    return {
      copyTo: async (to) => void (await backup(reader, to, { rate: 500 })),
      release: () => reader.close(),
    };
  }

  /** Writes what still waits, then closes. Later writes are refused. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    // What is written while the last works are told about still belongs to this life.
    while (this.waiting.length > 0) this.flush();
    this.statements.clear();
    this.db.close();
  }

  private prepare(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (statement === undefined) {
      statement = this.db.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }

  private flush(): void {
    this.flushing = false;
    clearTimeout(this.lingering);
    this.lingering = undefined;
    const batch = this.waiting;
    this.waiting = [];
    if (batch.length === 0) return;
    const after: (() => void)[] = [];
    try {
      this.prepare('BEGIN IMMEDIATE').run();
      const [only] = batch;
      if (batch.length === 1 && only !== undefined) this.runAlone(only, after);
      else for (const item of batch) this.runOne(item, after);
      if (this.db.isTransaction) this.prepare('COMMIT').run();
    } catch (error) {
      this.abandon();
      const reason = storageError(error);
      for (const item of batch) item.reject(reason);
      return;
    }
    this.commits += 1;
    for (const fn of after) fn();
    // Once more: whoever looked between two of them has not seen all.
    this.commits += 1;
  }

  /** One of several works of a transaction: what it leaves when it throws is taken back, the others stay. */
  private runOne(item: Waiting, after: (() => void)[]): void {
    this.prepare('SAVEPOINT work').run();
    try {
      const told = this.perform(item);
      this.prepare('RELEASE work').run();
      after.push(...told);
    } catch (error) {
      // A full disk may have ended the whole transaction; then nothing of the batch can be kept.
      if (!this.db.isTransaction) throw error;
      this.db.exec('ROLLBACK TO work; RELEASE work');
      after.push(() => item.reject(refusal(error)));
    }
  }

  /** The only work of a transaction: a savepoint would have each page that it touches copied once more. */
  private runAlone(item: Waiting, after: (() => void)[]): void {
    try {
      after.push(...this.perform(item));
    } catch (error) {
      if (!this.db.isTransaction) throw error;
      this.db.exec('ROLLBACK');
      after.push(() => item.reject(refusal(error)));
    }
  }

  /** Answers what is to be said when it is durable: whatever a listener does, the writer is answered all the same. */
  private perform({ work, resolve }: Waiting): (() => void)[] {
    const said: (() => void)[] = [];
    const value = work(this.tx(said)) as never;
    return [...said.map((fn) => () => this.sayAfterCommit(fn)), () => resolve(value)];
  }

  private sayAfterCommit(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.onListenerError(error);
    }
  }

  private abandon(): void {
    try {
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
    } catch (error) {
      this.onListenerError(error);
    }
  }

  private tx(after: (() => void)[]): Tx {
    return {
      run: (sql, ...values) => {
        const { changes, lastInsertRowid } = this.prepare(sql).run(...values);
        return { changes: Number(changes), last_id: Number(lastInsertRowid) };
      },
      all: (sql, ...values) => this.all(sql, ...values),
      get: (sql, ...values) => this.get(sql, ...values),
      afterCommit: (fn) => after.push(fn),
    };
  }

  private migrate(): void {
    const version = Number(Object.values(this.db.prepare('PRAGMA user_version').get() ?? { v: 0 })[0]);
    if (version > MIGRATIONS.length) {
      throw new NoxError(
        'STORAGE_FAILED',
        `The journal was written by a newer Nox (schema ${version}, this one knows ${MIGRATIONS.length}). Start that version instead.`,
      );
    }
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index < version) continue;
      this.db.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${index + 1}; COMMIT`);
    }
  }
}

const refusal = (error: unknown): unknown => (error instanceof NoxError ? error : storageError(error));

function storageError(error: unknown): unknown {
  // node:sqlite marks every error of the engine this way; anything else is a fault in the work itself.
  if (errnoOf(error) !== 'ERR_SQLITE_ERROR') return error;
  return new NoxError('STORAGE_FAILED', `The journal refused the write: ${messageOf(error)}`, undefined, {
    cause: error,
  });
}
