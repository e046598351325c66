import type { Notice } from '../../contracts/attention.js';
import type { StateDb, Tx } from '../../shared/db/state-db.js';

/** One row: telling one person, or one program, of one request. */
export interface StoredNotice {
  readonly approval_id: string;
  readonly step_id: string;
  readonly via: Notice['via'];
  readonly state: Notice['state'];
  readonly due_ms: number;
  readonly attempts: number;
  readonly sent_ms: number | null;
  readonly reason: string | null;
  readonly link_id: string | null;
}

type Reader = Pick<StateDb | Tx, 'all' | 'get'>;

export function insertNotice(
  tx: Tx,
  { approval_id, step_id, via, due_ms }: Pick<StoredNotice, 'approval_id' | 'step_id' | 'via' | 'due_ms'>,
): void {
  tx.run(
    "INSERT OR IGNORE INTO notices (approval_id, step_id, via, state, due_ms) VALUES (?, ?, ?, 'waiting', ?)",
    approval_id,
    step_id,
    via,
    due_ms,
  );
}

export function updateNotice(tx: Tx, notice: StoredNotice): void {
  const { approval_id, step_id, state, due_ms, attempts, sent_ms, reason, link_id } = notice;
  tx.run(
    'UPDATE notices SET state = ?, due_ms = ?, attempts = ?, sent_ms = ?, reason = ?, link_id = ? WHERE approval_id = ? AND step_id = ?',
    state,
    due_ms,
    attempts,
    sent_ms,
    reason,
    link_id,
    approval_id,
    step_id,
  );
}

/** A second person is wanted now: what would be told later is told at once. */
export function hurryNotices(tx: Tx, approval_id: string, now_ms: number): void {
  tx.run(
    "UPDATE notices SET due_ms = ? WHERE approval_id = ? AND state = 'waiting' AND due_ms > ?",
    now_ms,
    approval_id,
    now_ms,
  );
}

export const dueNotices = (db: Reader, now_ms: number): StoredNotice[] =>
  db.all("SELECT * FROM notices WHERE state = 'waiting' AND due_ms <= ? ORDER BY due_ms LIMIT 50", now_ms);

export const nextNotice = (db: Reader): number | null =>
  db.get<{ at: number | null }>("SELECT MIN(due_ms) AS at FROM notices WHERE state = 'waiting'")?.at ?? null;

export const noticesOf = (db: Reader, approval_id: string): StoredNotice[] =>
  db.all('SELECT * FROM notices WHERE approval_id = ? ORDER BY due_ms, step_id', approval_id);

/** Requests that wait and for which no step was ever planned. */
export const unplanned = (db: Reader): string[] =>
  db
    .all<{ id: string }>(
      `SELECT id FROM approvals WHERE status IN ('pending', 'parked')
       AND NOT EXISTS (SELECT 1 FROM notices WHERE approval_id = approvals.id)`,
    )
    .map(({ id }) => id);
