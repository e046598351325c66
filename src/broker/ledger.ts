import type { DeliveryAttempt, Message, MessageStatus } from '../contracts/message.js';
import type { Tx } from '../shared/db/state-db.js';
import { readMessage } from './message-store.js';

type Outcome = DeliveryAttempt['outcome'];

/** Hands a message over: one more attempt, with a row of its own. */
export function lease(tx: Tx, id: string, now_ms: number): Message {
  tx.run('UPDATE messages SET leased = 1, attempt = attempt + 1, due_ms = NULL, reason = NULL WHERE id = ?', id);
  const { message } = readMessage(tx, id);
  tx.run(
    "INSERT INTO deliveries (message_id, attempt, outcome, started_ms) VALUES (?, ?, 'leased', ?)",
    id,
    message.attempt,
    now_ms,
  );
  return message;
}

/** Says by which prompt of which turn the agent gets it, before the prompt goes out. */
export function bindPrompt(tx: Tx, id: string, turn_id: string, prompt_uuid: string): void {
  tx.run('UPDATE messages SET turn_id = ? WHERE id = ?', turn_id, id);
  tx.run(
    'UPDATE deliveries SET turn_id = ?, prompt_uuid = ? WHERE message_id = ? AND ended_ms IS NULL',
    turn_id,
    prompt_uuid,
    id,
  );
}

export function markDelivered(tx: Tx, id: string, now_ms: number): Message {
  tx.run("UPDATE messages SET status = 'delivered', delivered_ms = ? WHERE id = ?", now_ms, id);
  tx.run("UPDATE deliveries SET outcome = 'delivered' WHERE message_id = ? AND ended_ms IS NULL", id);
  return readMessage(tx, id).message;
}

/** Puts it among those that wait. An attempt that does not count is taken back. */
export function putBack(
  tx: Tx,
  id: string,
  given: { reason: string; due_ms: number | null; count_attempt: boolean; now_ms: number },
): Message {
  tx.run(
    "UPDATE messages SET status = 'queued', leased = 0, turn_id = NULL, delivered_ms = NULL, due_ms = ?, reason = ?, attempt = attempt - ? WHERE id = ?",
    given.due_ms,
    given.reason,
    given.count_attempt ? 0 : 1,
    id,
  );
  endDelivery(tx, id, 'requeued', given.reason, given.now_ms);
  return readMessage(tx, id).message;
}

/** Its one end. */
export function endMessage(
  tx: Tx,
  id: string,
  status: Extract<MessageStatus, 'acked' | 'cancelled' | 'expired' | 'dead'>,
  reason: string | null,
  now_ms: number,
): Message {
  tx.run(
    'UPDATE messages SET status = ?, leased = 0, due_ms = NULL, reason = ?, ended_ms = ? WHERE id = ?',
    status,
    reason,
    now_ms,
    id,
  );
  endDelivery(tx, id, status, reason, now_ms);
  return readMessage(tx, id).message;
}

/** A dead message begins again, with all its attempts. */
export function revive(tx: Tx, id: string, expires_ms: number): Message {
  tx.run(
    "UPDATE messages SET status = 'queued', leased = 0, attempt = 0, turn_id = NULL, reason = NULL, delivered_ms = NULL, ended_ms = NULL, expires_ms = ? WHERE id = ?",
    expires_ms,
    id,
  );
  return readMessage(tx, id).message;
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
