import type { DeliveryAttempt, Message, MessageStatus } from '../contracts/message.js';
import type { Tx } from '../shared/db/state-db.js';
import { type Brief, brieflyChanged, changed, OPEN } from './message-store.js';

type Outcome = DeliveryAttempt['outcome'];

/** Taken from the queue and without its end: whoever has it owes it one. */
const OWED = `leased = 1 AND ${OPEN}`;

/** Hands a message over that waits: one more attempt, with a row of its own. Undefined when it does not wait (any more). */
export function lease(tx: Tx, id: string, now_ms: number): Message | undefined {
  const message = changed(
    tx,
    id,
    "UPDATE messages SET leased = 1, attempt = attempt + 1, due_ms = NULL, reason = NULL WHERE id = ? AND leased = 0 AND status = 'queued' AND expires_ms > ?",
    id,
    now_ms,
  );
  if (message === undefined) return undefined;
  tx.run(
    "INSERT INTO deliveries (message_id, attempt, outcome, started_ms) VALUES (?, ?, 'leased', ?)",
    id,
    message.attempt,
    now_ms,
  );
  return message;
}

/** Says by which prompt of which turn the agent gets it, before the prompt goes out. Nothing when it has had its end. */
export function bindPrompt(tx: Tx, id: string, turn_id: string, prompt_uuid: string): void {
  const { changes } = tx.run(`UPDATE messages SET turn_id = ? WHERE id = ? AND ${OWED}`, turn_id, id);
  if (changes === 0) return;
  tx.run(
    'UPDATE deliveries SET turn_id = ?, prompt_uuid = ? WHERE message_id = ? AND ended_ms IS NULL',
    turn_id,
    prompt_uuid,
    id,
  );
}

/** The receipt. Undefined when it is known already, or the message has had its end. */
export function markDelivered(tx: Tx, id: string, now_ms: number): Brief | undefined {
  const message = brieflyChanged(
    tx,
    id,
    "UPDATE messages SET status = 'delivered', delivered_ms = ? WHERE id = ? AND leased = 1 AND status = 'queued'",
    now_ms,
    id,
  );
  if (message === undefined) return undefined;
  tx.run(
    "UPDATE deliveries SET outcome = 'delivered', received_ms = ? WHERE message_id = ? AND ended_ms IS NULL",
    now_ms,
    id,
  );
  return message;
}

/** Puts it among those that wait. An attempt that does not count is taken back. Undefined when nobody owes it anything. */
export function putBack(
  tx: Tx,
  id: string,
  given: { reason: string; due_ms: number | null; count_attempt: boolean; now_ms: number },
): Brief | undefined {
  const message = brieflyChanged(
    tx,
    id,
    `UPDATE messages SET status = 'queued', leased = 0, turn_id = NULL, delivered_ms = NULL, due_ms = ?, reason = ?,
       attempt = attempt - ? WHERE id = ? AND ${OWED}`,
    given.due_ms,
    given.reason,
    given.count_attempt ? 0 : 1,
    id,
  );
  if (message !== undefined) endDelivery(tx, id, 'requeued', given.reason, given.now_ms);
  return message;
}

type End = Extract<MessageStatus, 'acked' | 'cancelled' | 'expired' | 'dead'>;

const END = 'UPDATE messages SET status = ?, leased = 0, due_ms = NULL, reason = ?, ended_ms = ? WHERE id = ?';

/** The one end of a message that waits. Undefined when it does not (any more). */
export function endWaiting(
  tx: Tx,
  id: string,
  status: End,
  reason: string | null,
  now_ms: number,
): Message | undefined {
  return changed(tx, id, `${END} AND leased = 0 AND status = 'queued'`, status, reason, now_ms, id);
}

/** The one end of a message that was handed over. Undefined when it has had it. */
export function endOwed(tx: Tx, id: string, status: End, reason: string | null, now_ms: number): Brief | undefined {
  const message = brieflyChanged(tx, id, `${END} AND ${OWED}`, status, reason, now_ms, id);
  if (message !== undefined) endDelivery(tx, id, status, reason, now_ms);
  return message;
}

/** A dead message begins again, with all its attempts. Undefined when it is not dead (any more). */
export function revive(tx: Tx, id: string, expires_ms: number): Message | undefined {
  return changed(
    tx,
    id,
    `UPDATE messages SET status = 'queued', leased = 0, attempt = 0, turn_id = NULL, reason = NULL, delivered_ms = NULL,
       ended_ms = NULL, expires_ms = ? WHERE id = ? AND status = 'dead'`,
    expires_ms,
    id,
  );
}

function endDelivery(tx: Tx, id: string, outcome: Outcome, reason: string | null, now_ms: number): void {
  tx.run(
    'UPDATE deliveries SET outcome = ?, reason = ?, ended_ms = ? WHERE message_id = ? AND ended_ms IS NULL',
    outcome,
    reason,
    now_ms,
    id,
  );
}
