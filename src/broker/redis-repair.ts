import type { Clock } from '../shared/clock.js';
import type { JournalView, NewEntry, QueueEntry } from './broker-port.js';
import type { RedisQueue } from './redis-queue.js';

export interface Repair {
  readonly view: JournalView;
  /** What the journal says waits in this queue, oldest first. */
  readonly expected: readonly NewEntry[];
  readonly clock: Clock;
}

/**
 * Makes a queue agree with the journal. What the journal does not know is adopted: it was published, but the crash came
 * before the journal. What was taken and is not owed goes back to its place. What has ended is forgotten. What is missing is added.
 */
export async function repairQueue(queue: RedisQueue, { view, expected, clock }: Repair): Promise<void> {
  const found = await queue.load();
  const strangers: QueueEntry[] = [];
  for (const id of [...found.waiting, ...found.delayed, ...found.active]) {
    if (view.fate(id) !== 'unknown') continue;
    const body = await queue.body(id);
    if (body !== undefined) strangers.push({ id, agent_id: queue.agent_id, priority: queue.priority, body });
  }
  if (strangers.length > 0) await view.adopt(strangers);

  const planned = new Map(expected.map((entry) => [entry.id, entry]));
  const adopted = new Map(strangers.map((entry) => [entry.id, entry]));
  // The newest first, since each goes before all others.
  for (const id of found.active.toSorted().toReversed()) {
    const fate = view.fate(id);
    if (fate === 'ended' || fate === 'unknown') await queue.finish(id);
    const body = planned.get(id)?.body ?? adopted.get(id)?.body;
    if (fate !== 'waiting') continue;
    await queue.putBack(
      {
        id,
        agent_id: queue.agent_id,
        priority: queue.priority,
        body: body ?? (await queue.body(id)) ?? '',
        due_ms: planned.get(id)?.due_ms ?? null,
      },
      clock.now(),
    );
  }
  for (const id of [...found.waiting, ...found.delayed]) {
    const fate = view.fate(id);
    if (fate === 'ended' || fate === 'unknown') await queue.remove(id);
  }
  const there = new Set([...found.waiting, ...found.delayed, ...found.active]);
  for (const entry of expected) if (!there.has(entry.id)) await queue.add(entry, clock.now());
}
