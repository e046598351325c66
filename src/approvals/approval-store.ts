import type { Approval, ApprovalStatus, RiskLevel } from '../contracts/approval.js';
import type { StateDb, Tx } from '../shared/db/state-db.js';
import { NoxError } from '../shared/nox-error.js';
import { isEnd } from './approval-state.js';

/** One row as it is stored: the approval, and the time of its expiry as a number. */
export interface Stored {
  readonly approval: Approval;
  readonly expires_ms: number;
}

interface Row {
  approval_json: string;
  expires_ms: number;
}

const COLUMNS = 'SELECT approval_json, expires_ms FROM approvals';
const stored = (row: Row): Stored => ({
  approval: JSON.parse(row.approval_json) as Approval,
  expires_ms: row.expires_ms,
});

/** Reads see what is committed, or inside a transaction what it has written so far. */
type Reader = Pick<StateDb | Tx, 'all' | 'get'>;

export function insertApproval(tx: Tx, { approval, expires_ms }: Stored): void {
  tx.run(
    `INSERT INTO approvals (id, agent_id, status, tool_use_id, turn_id, requested_ms, expires_ms, group_key, approval_json)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    approval.id,
    approval.agent_id,
    approval.status,
    approval.tool_use_id,
    approval.turn_id,
    Date.parse(approval.requested_at),
    expires_ms,
    approval.group_key ?? null,
    JSON.stringify(approval),
  );
}

/** Stores a changed approval; its history has to be told again. */
export function updateApproval(tx: Tx, approval: Approval): void {
  tx.run(
    'UPDATE approvals SET status = ?, decided_ms = ?, held_ms = ?, approval_json = ?, recorded = 0 WHERE id = ?',
    approval.status,
    approval.decided_at === null ? null : Date.parse(approval.decided_at),
    approval.held === undefined ? null : Date.parse(approval.held.until),
    JSON.stringify(approval),
    approval.id,
  );
}

/** Throws APPROVAL_NOT_FOUND. */
export function readApproval(db: Reader, id: string): Stored {
  const row = db.get<Row>(`${COLUMNS} WHERE id = ?`, id);
  if (row === undefined) throw new NoxError('APPROVAL_NOT_FOUND', `No approval has the id ${id}.`);
  return stored(row);
}

/** Which pending requests are meant; no field means all. */
export interface PendingFilter {
  readonly id?: string | undefined;
  readonly agent_id?: string | undefined;
  readonly turn_id?: string | undefined;
  readonly expired_at_ms?: number | undefined;
  /** Also those that are parked. */
  readonly parked?: boolean | undefined;
  /** Only what a process of the agent asked, or asks again when it is resumed. */
  readonly of_process?: boolean | undefined;
}

/** An installation is asked for by Nox: no process waits for it, and it outlives all of them. */
const OF_PROCESS = "json_extract(approval_json, '$.request_type') <> 'mcp_installation'";

export function pendingApprovals(db: Reader, filter: PendingFilter = {}): Stored[] {
  const { id = null, agent_id = null, turn_id = null, expired_at_ms = null, parked = false, of_process } = filter;
  return db
    .all<Row>(
      `${COLUMNS} WHERE status IN ('pending', ?) AND (? IS NULL OR id = ?) AND (? IS NULL OR agent_id = ?)
       AND (? IS NULL OR turn_id = ?) AND (? IS NULL OR expires_ms <= ?)
       ${of_process === true ? `AND ${OF_PROCESS}` : ''} ORDER BY requested_ms, id`,
      parked ? 'parked' : 'pending',
      id,
      id,
      agent_id,
      agent_id,
      turn_id,
      turn_id,
      expired_at_ms,
      expired_at_ms,
    )
    .map(stored);
}

/** How many requests wait: of processes by agent, and in all. */
export function countPending(db: Reader): { readonly by_agent: Map<string, number>; readonly total: number } {
  const rows = db.all<{ agent_id: string; n: number; own: number }>(
    `SELECT agent_id, COUNT(*) AS n, SUM(${OF_PROCESS}) AS own FROM approvals
     WHERE status IN ('pending', 'parked') GROUP BY agent_id`,
  );
  return {
    by_agent: new Map(rows.map(({ agent_id, own }) => [agent_id, own])),
    total: rows.reduce((sum, { n }) => sum + n, 0),
  };
}

/** The approved request of a tool call whose outcome is not known yet. */
export function approvedCall(db: Reader, agent_id: string, tool_use_id: string): Approval | undefined {
  const row = db.get<Row>(
    `${COLUMNS} WHERE agent_id = ? AND tool_use_id = ? AND status = 'approved' ORDER BY requested_ms DESC LIMIT 1`,
    agent_id,
    tool_use_id,
  );
  return row === undefined ? undefined : stored(row).approval;
}

/** Approved calls of a turn of which nothing was heard since. */
export function untoldCalls(db: Reader, turn_id: string): Approval[] {
  return db
    .all<Row>(`${COLUMNS} WHERE turn_id = ? AND status = 'approved'`, turn_id)
    .map((row) => stored(row).approval)
    .filter(({ executed, result }) => executed === null && result === null);
}

export interface Page {
  readonly status?: ApprovalStatus | undefined;
  readonly agent_id?: string | undefined;
  readonly page: number;
  readonly limit: number;
}

/** A page of the ids: pending ones first and oldest first, ended ones newest first. */
export function pageOfIds(db: Reader, { status, agent_id, page, limit }: Page): { ids: string[]; total: number } {
  const where = 'WHERE (? IS NULL OR status IN (?, ?)) AND (? IS NULL OR agent_id = ?)';
  const other = status === 'pending' ? 'parked' : status;
  const values = [status ?? null, status ?? null, other ?? null, agent_id ?? null, agent_id ?? null];
  const total = db.get<{ n: number }>(`SELECT COUNT(*) AS n FROM approvals ${where}`, ...values)?.n ?? 0;
  // Ids are sorted without their approvals: an input may be megabytes long.
  const rows = db.all<{ id: string }>(
    `SELECT id FROM approvals ${where}
     ORDER BY status NOT IN ('pending', 'parked'),
       CASE WHEN status IN ('pending', 'parked') THEN requested_ms ELSE -requested_ms END,
       CASE WHEN status IN ('pending', 'parked') THEN id END, id DESC LIMIT ? OFFSET ?`,
    ...values,
    limit,
    (page - 1) * limit,
  );
  return { ids: rows.map(({ id }) => id), total };
}

/** What the rank of those that wait is made of, without their inputs. */
export function waitingHeads(
  db: Reader,
  { status, agent_id }: Pick<Page, 'status' | 'agent_id'>,
): { id: string; agent_id: string; requested_ms: number; risk_level: RiskLevel }[] {
  return db.all(
    `SELECT id, agent_id, requested_ms, json_extract(approval_json, '$.risk_level') AS risk_level FROM approvals
     WHERE status IN ('parked', ?) AND (? IS NULL OR agent_id = ?)`,
    status === 'parked' ? 'parked' : 'pending',
    agent_id ?? null,
    agent_id ?? null,
  );
}

/** Those of a group that wait, oldest first. */
export function waitingOfGroup(db: Reader, key: string): Approval[] {
  return db
    .all<Row>(`${COLUMNS} WHERE group_key = ? AND status IN ('pending', 'parked') ORDER BY requested_ms, id`, key)
    .map((row) => stored(row).approval);
}

/** Requests of a group by their ids, whatever has become of them. */
export const ofGroup = (db: Reader, key: string, ids: readonly string[]): Approval[] =>
  ids.map((id) => readApproval(db, id).approval).filter(({ group_key }) => group_key === key);

/** Waiting requests whose decision has been held back until now. */
export function heldUntil(db: Reader, now_ms: number): Stored[] {
  return db
    .all<Row>(`${COLUMNS} WHERE status IN ('pending', 'parked') AND held_ms <= ? ORDER BY held_ms, id`, now_ms)
    .map(stored);
}

/** Ended requests that the history does not have yet, oldest first. */
export function unrecorded(db: Reader): string[] {
  return db
    .all<{ id: string }>(
      "SELECT id FROM approvals WHERE recorded = 0 AND status NOT IN ('pending', 'parked') ORDER BY decided_ms, id",
    )
    .map(({ id }) => id);
}

/** Notes that the history has this very version; a later one stays unrecorded. */
export function markRecorded(tx: Tx, approval: Approval): void {
  if (!isEnd(approval.status)) return;
  tx.run('UPDATE approvals SET recorded = 1 WHERE id = ? AND approval_json = ?', approval.id, JSON.stringify(approval));
}

/** Requests to run a tool that people decided, newest first. */
export function answeredByPeople(db: Reader, limit: number): Approval[] {
  return db
    .all<Row>(
      `${COLUMNS} WHERE status IN ('approved', 'denied') AND json_extract(approval_json, '$.channel') NOT IN ('policy', 'nox')
         AND json_extract(approval_json, '$.request_type') = 'tool_use'
       ORDER BY decided_ms DESC, id DESC LIMIT ?`,
      limit,
    )
    .map((row) => stored(row).approval);
}

/** The newest request of this very call that was parked. */
export function parkedCall(db: Reader, agent_id: string, tool_use_id: string): Stored | undefined {
  const row = db.get<Row>(
    `${COLUMNS} WHERE agent_id = ? AND tool_use_id = ? AND json_extract(approval_json, '$.parked_at') IS NOT NULL
     ORDER BY requested_ms DESC LIMIT 1`,
    agent_id,
    tool_use_id,
  );
  return row === undefined ? undefined : stored(row);
}

/** How many requests of an agent, or of a turn of it, are parked. */
export function countParked(db: Reader, agent_id: string, turn_id: string | null = null): number {
  const row = db.get<{ n: number }>(
    `SELECT COUNT(*) AS n FROM approvals WHERE status = 'parked' AND agent_id = ? AND (? IS NULL OR turn_id = ?) AND ${OF_PROCESS}`,
    agent_id,
    turn_id,
    turn_id,
  );
  return row?.n ?? 0;
}

/** When the next parked request expires, or the next held decision is told. */
export function nextDue(db: Reader): number | null {
  const row = db.get<{ at: number | null }>(
    `SELECT MIN(at) AS at FROM (SELECT MIN(expires_ms) AS at FROM approvals WHERE status = 'parked' UNION ALL
       SELECT MIN(held_ms) FROM approvals WHERE status IN ('pending', 'parked') AND held_ms IS NOT NULL)`,
  );
  return row?.at ?? null;
}

/** Whether the parked call has come back for its answer. */
export const isAnswered = (db: Reader, approval_id: string): boolean =>
  db.get('SELECT 1 FROM grants WHERE approval_id = ?', approval_id) !== undefined;

/** Takes the one answer that a request is good for; false when it was taken before. */
export function takeGrant(tx: Tx, approval_id: string, now_ms: number): boolean {
  return tx.run('INSERT OR IGNORE INTO grants (approval_id, used_ms) VALUES (?, ?)', approval_id, now_ms).changes === 1;
}
