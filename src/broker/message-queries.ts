import type { DeliveryAttempt, Message, MessageListQuery } from '../contracts/message.js';
import { fromRow, iso, isoOrNull, type MessageRow, type Reader } from './message-store.js';

/** Which columns a list asks for, as SQL. */
function whereOf(query: Partial<MessageListQuery>): { sql: string; values: (string | number)[] } {
  const parts: [string, ...(string | number | undefined)[]][] = [
    ['(recipient = ? OR sender = ?)', query.agent_id, query.agent_id],
    ['sender = ?', query.from],
    ['recipient = ?', query.to],
    ['message_type = ?', query.message_type],
    ['priority = ?', query.priority],
    ['topic = ?', query.topic],
    // Its first message is named by the thread; an index of all threads would hold each single message, too.
    ['((id = ? AND reply_to IS NULL) OR (thread_id = ? AND reply_to IS NOT NULL))', query.thread_id, query.thread_id],
    ['group_id = ?', query.group_id],
    ['status = ?', query.status],
    ['instr(lower(content), lower(?)) > 0', query.text],
    ['id < ?', query.before],
  ];
  const asked = parts.filter(([, value]) => value !== undefined);
  return {
    sql: asked.length === 0 ? '' : `WHERE ${asked.map(([sql]) => sql).join(' AND ')}`,
    values: asked.flatMap(([, ...values]) => values.filter((value) => value !== undefined)),
  };
}

/** Newest first, a thread oldest first. */
export function pageOfMessages(
  db: Reader,
  query: Partial<MessageListQuery> & { page: number; limit: number },
): { messages: Message[]; total: number } {
  const { sql, values } = whereOf(query);
  const total = db.get<{ n: number }>(`SELECT COUNT(*) AS n FROM messages ${sql}`, ...values)?.n ?? 0;
  const direction = query.thread_id === undefined ? 'DESC' : 'ASC';
  const rows = db.all<MessageRow>(
    `SELECT * FROM messages ${sql} ORDER BY id ${direction} LIMIT ? OFFSET ?`,
    ...values,
    query.limit,
    (query.page - 1) * query.limit,
  );
  return { messages: rows.map(fromRow), total };
}

export function deliveriesOf(db: Reader, id: string): DeliveryAttempt[] {
  return db
    .all<{
      attempt: number;
      turn_id: string | null;
      prompt_uuid: string | null;
      outcome: DeliveryAttempt['outcome'];
      reason: string | null;
      started_ms: number;
      ended_ms: number | null;
    }>('SELECT * FROM deliveries WHERE message_id = ? ORDER BY id', id)
    .map(({ attempt, turn_id, prompt_uuid, outcome, reason, started_ms, ended_ms }) => ({
      attempt,
      turn_id,
      prompt_uuid,
      outcome,
      reason,
      started_at: iso(started_ms),
      ended_at: isoOrNull(ended_ms),
    }));
}

/** How many messages each sender has at each agent that are not dealt with yet. */
export const openMessages = (db: Pick<Reader, 'all'>): { recipient: string; sender: string; n: number }[] =>
  db.all(
    "SELECT recipient, sender, COUNT(*) AS n FROM messages WHERE status IN ('queued', 'delivered') GROUP BY recipient, sender",
  );
