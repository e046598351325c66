import { type Message, type MessagePriority, PRIORITIES } from '../contracts/message.js';
import type { Reader } from './message-store.js';

export interface Count {
  waiting: number;
  active: number;
  /** Of what waits and what is handed over. */
  bytes: number;
  readonly per_priority: Record<MessagePriority, number>;
}

type Counted = Pick<Message, 'to' | 'priority' | 'content'>;
type Place = 'waiting' | 'active';

const zero = (): Record<MessagePriority, number> => ({ critical: 0, high: 0, medium: 0, low: 0 });
const empty = (): Count => ({ waiting: 0, active: 0, bytes: 0, per_priority: zero() });

/** How many messages each agent has before it, kept beside the journal so that a send need not count. */
export class QueueCounts {
  private readonly counts = new Map<string, Count>();
  /** Until when some message of an agent is put off, at the latest. */
  private readonly put_off = new Map<string, number>();

  /** Counts what the journal holds. */
  load(db: Reader): void {
    this.counts.clear();
    this.put_off.clear();
    const rows = db.all<{ recipient: string; priority: MessagePriority; leased: number; n: number; bytes: number }>(
      `SELECT recipient, priority, leased, COUNT(*) AS n, SUM(length(content)) AS bytes FROM messages
       WHERE status IN ('queued', 'delivered') GROUP BY recipient, priority, leased`,
    );
    for (const { recipient, priority, leased, n, bytes } of rows) {
      const count = this.of(recipient);
      count[leased === 1 ? 'active' : 'waiting'] += n;
      if (leased === 0) count.per_priority[priority] += n;
      count.bytes += bytes;
    }
    const later = db.all<{ recipient: string; due_ms: number }>(
      "SELECT recipient, MAX(due_ms) AS due_ms FROM messages WHERE status = 'queued' AND due_ms IS NOT NULL GROUP BY recipient",
    );
    for (const { recipient, due_ms } of later) this.putOff(recipient, due_ms);
  }

  /** A message of the agent must not go before this. */
  putOff(agent_id: string, due_ms: number): void {
    this.put_off.set(agent_id, Math.max(due_ms, this.put_off.get(agent_id) ?? 0));
  }

  /** Whether all that waits for the agent may go now; when not, only the journal knows which. */
  areAllDue(agent_id: string, now_ms: number): boolean {
    return (this.put_off.get(agent_id) ?? 0) <= now_ms;
  }

  of(agent_id: string): Count {
    let count = this.counts.get(agent_id);
    if (count === undefined) {
      count = empty();
      this.counts.set(agent_id, count);
    }
    return count;
  }

  all(): ReadonlyMap<string, Readonly<Count>> {
    return this.counts;
  }

  /** A message came (no `from`), changed its place, or ended (no `to`). */
  move(message: Counted, from: Place | undefined, to: Place | undefined): void {
    const count = this.of(message.to);
    const step = (place: Place, by: 1 | -1): void => {
      count[place] += by;
      if (place === 'waiting') count.per_priority[message.priority] += by;
    };
    if (from !== undefined) step(from, -1);
    if (to !== undefined) step(to, 1);
    if (from === undefined) count.bytes += message.content.length;
    if (to === undefined) count.bytes -= message.content.length;
    if (count.waiting + count.active > 0) return;
    this.counts.delete(message.to);
    this.put_off.delete(message.to);
  }

  total(): Count {
    const sum = empty();
    for (const { waiting, active, bytes, per_priority } of this.counts.values()) {
      sum.waiting += waiting;
      sum.active += active;
      sum.bytes += bytes;
      for (const each of PRIORITIES) sum.per_priority[each] += per_priority[each];
    }
    return sum;
  }
}
