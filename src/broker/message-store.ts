import { createHash } from 'node:crypto';
import type { Message, MessageChange, MessagePriority, MessageStatus, MessageType } from '../contracts/message.js';
import type { StateDb, Tx } from '../shared/db/state-db.js';
import { NoxError } from '../shared/nox-error.js';
import type { NewEntry } from './broker-port.js';

/** Reads see what is committed, or inside a transaction what it has written so far. */
export type Reader = Pick<StateDb | Tx, 'all' | 'get'>;

export interface MessageRow {
  id: string;
  group_id: string;
  thread_id: string;
  reply_to: string | null;
  sender: string;
  sent_by: string;
  recipient: string;
  address: string;
  message_type: MessageType;
  topic: string | null;
  content: string;
  priority: MessagePriority;
  metadata_json: string;
  status: MessageStatus;
  leased: number;
  attempt: number;
  hops: number;
  turn_id: string | null;
  reason: string | null;
  created_ms: number;
  deliver_after_ms: number | null;
  due_ms: number | null;
  expires_ms: number;
  delivered_ms: number | null;
  ended_ms: number | null;
}

/** A message as the journal has it. */
export interface Stored {
  readonly message: Message;
  /** Taken from the queue and not settled yet. */
  readonly leased: boolean;
  /** Not before, also after it was put back. */
  readonly due_ms: number | null;
  readonly expires_ms: number;
}

export const iso = (ms: number): string => new Date(ms).toISOString();
export const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

export function fromRow(row: MessageRow): Message {
  return {
    id: row.id,
    group_id: row.group_id,
    thread_id: row.thread_id,
    reply_to: row.reply_to,
    from: row.sender,
    sent_by: row.sent_by,
    to: row.recipient,
    address: row.address,
    message_type: row.message_type,
    topic: row.topic,
    content: row.content,
    priority: row.priority,
    metadata: JSON.parse(row.metadata_json) as Record<string, unknown>,
    status: row.status,
    attempt: row.attempt,
    hops: row.hops,
    turn_id: row.turn_id,
    reason: row.reason,
    created_at: iso(row.created_ms),
    deliver_after: isoOrNull(row.deliver_after_ms),
    expires_at: iso(row.expires_ms),
    delivered_at: isoOrNull(row.delivered_ms),
    ended_at: isoOrNull(row.ended_ms),
  };
}

/** As the index `messages_open` says it: without these very words SQLite looks at all messages there have ever been. */
export const OPEN = "status IN ('queued', 'delivered')";

const stored = (row: MessageRow): Stored => ({
  message: fromRow(row),
  leased: row.leased === 1,
  due_ms: row.due_ms,
  expires_ms: row.expires_ms,
});

export const isEnd = (status: MessageStatus): boolean => status !== 'queued' && status !== 'delivered';

/** What of a message is told and counted when it changes. */
export type Brief = Pick<
  Message,
  'id' | 'from' | 'to' | 'priority' | 'status' | 'attempt' | 'turn_id' | 'reason' | 'content'
>;
const BRIEF = 'id, sender AS "from", recipient AS "to", priority, status, attempt, turn_id, reason, content';

export const changeOf = (m: Brief): MessageChange => ({
  message_id: m.id,
  from: m.from,
  to: m.to,
  priority: m.priority,
  status: m.status,
  attempt: m.attempt,
  turn_id: m.turn_id,
  reason: m.reason,
});

export const entryOf = (message: Message, due_ms: number | null): NewEntry => ({
  id: message.id,
  agent_id: message.to,
  priority: message.priority,
  body: JSON.stringify(message),
  due_ms,
});

/** Stores a new message; nothing when its id is known. */
export function insertMessage(tx: Tx, m: Message): boolean {
  const deliver_after = m.deliver_after === null ? null : Date.parse(m.deliver_after);
  const { changes } = tx.run(
    `INSERT INTO messages (id, group_id, thread_id, reply_to, sender, sent_by, recipient, address, message_type, topic,
       content, priority, metadata_json, status, hops, created_ms, deliver_after_ms, due_ms, expires_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    m.id,
    m.group_id,
    m.thread_id,
    m.reply_to,
    m.from,
    m.sent_by,
    m.to,
    m.address,
    m.message_type,
    m.topic,
    m.content,
    m.priority,
    JSON.stringify(m.metadata),
    m.hops,
    Date.parse(m.created_at),
    deliver_after,
    deliver_after,
    Date.parse(m.expires_at),
  );
  return changes === 1;
}

export function findMessage(db: Reader, id: string): Stored | undefined {
  const row = db.get<MessageRow>('SELECT * FROM messages WHERE id = ?', id);
  return row === undefined ? undefined : stored(row);
}

type Values = readonly (string | number | null)[];

/** What an UPDATE of a message has made of it; undefined when it met none. (RETURNING costs three times the two statements.) */
export function changed(tx: Tx, id: string, update: string, ...values: Values): Message | undefined {
  return tx.run(update, ...values).changes === 0 ? undefined : findMessage(tx, id)?.message;
}

/** The same, as far as it is told. */
export function brieflyChanged(tx: Tx, id: string, update: string, ...values: Values): Brief | undefined {
  if (tx.run(update, ...values).changes === 0) return undefined;
  return tx.get<Brief>(`SELECT ${BRIEF} FROM messages WHERE id = ?`, id);
}

/** Throws MESSAGE_NOT_FOUND. */
export function readMessage(db: Reader, id: string): Stored {
  const found = findMessage(db, id);
  if (found === undefined) throw new NoxError('MESSAGE_NOT_FOUND', `No message has the id ${id}.`);
  return found;
}

/** Messages that are taken from the queue and not settled, oldest first; of one agent or of all. */
export const leasedMessages = (db: Reader, agent_id?: string): Stored[] => openMessages(db, 'leased = 1', agent_id);

/** Messages that wait in the queue, oldest first. */
export const waitingMessages = (db: Reader, agent_id?: string): Stored[] =>
  openMessages(db, "status = 'queued' AND leased = 0", agent_id);

function openMessages(db: Reader, which: string, agent_id: string | undefined): Stored[] {
  const messages = `SELECT * FROM messages INDEXED BY messages_open WHERE ${OPEN} AND ${which}`;
  const rows =
    agent_id === undefined
      ? db.all<MessageRow>(`${messages} ORDER BY id`)
      : db.all<MessageRow>(`${messages} AND recipient = ? ORDER BY id`, agent_id);
  return rows.map(stored);
}

/** Waiting messages whose time is over. */
export function overdueMessages(db: Reader, now_ms: number, limit: number): Stored[] {
  return db
    .all<MessageRow>(
      "SELECT * FROM messages WHERE status = 'queued' AND leased = 0 AND expires_ms <= ? ORDER BY expires_ms LIMIT ?",
      now_ms,
      limit,
    )
    .map(stored);
}

export function nextExpiry(db: Reader): number | null {
  return (
    db.get<{ at: number | null }>("SELECT MIN(expires_ms) AS at FROM messages WHERE status = 'queued' AND leased = 0")
      ?.at ?? null
  );
}

/** When the next message that was put off may go, and whose messages may go by now. */
export function nextDue(db: Reader, after_ms: number): number | null {
  return (
    db.get<{ at: number | null }>(
      "SELECT MIN(due_ms) AS at FROM messages WHERE status = 'queued' AND due_ms IS NOT NULL AND due_ms > ?",
      after_ms,
    )?.at ?? null
  );
}

export function agentsDue(db: Reader, from_ms: number, to_ms: number): string[] {
  return db
    .all<{ recipient: string }>(
      "SELECT DISTINCT recipient FROM messages WHERE status = 'queued' AND due_ms IS NOT NULL AND due_ms > ? AND due_ms <= ?",
      from_ms,
      to_ms,
    )
    .map(({ recipient }) => recipient);
}

/** The body of a send, for telling a repeated one from another one under the same key. */
export const bodyHash = (body: unknown): string => createHash('sha256').update(JSON.stringify(body)).digest('hex');
