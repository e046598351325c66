import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { type Hold, HoldBook } from './hold-book.js';

const until = (resume_ms: number | null, reason = 'overloaded'): Hold => ({ cause: 'model', reason, resume_ms });

describe(HoldBook.name, () => {
  let clock: ManualClock;
  let db: StateDb;
  let due: string[];
  const open = () => {
    const book = new HoldBook(db, clock);
    book.onDue = (agent_id, { reason }) => due.push(`${agent_id}: ${reason}`);
    book.recover();
    return book;
  };
  const stored = () => db.all<{ agent_id: string }>('SELECT agent_id FROM holds').map(({ agent_id }) => agent_id);

  beforeEach(() => {
    clock = new ManualClock(0);
    db = new StateDb(':memory:');
    due = [];
  });

  it('tells each hold when its time has come, in order, and forgets it', async () => {
    const book = open();
    await db.write(book.put('late', until(900)));
    await db.write(book.put('early', until(300)));
    await db.write(book.put('person', { cause: 'login', reason: 'not logged in', resume_ms: null }));
    clock.advance(299);
    expect(due).toEqual([]);
    clock.advance(1);
    expect(due).toEqual(['early: overloaded']);
    expect(book.of('early')).toBeUndefined();
    clock.advance(10_000_000);
    expect(due).toEqual(['early: overloaded', 'late: overloaded']);
    expect(book.of('person')).toMatchObject({ cause: 'login' });
    await db.write(() => undefined);
    expect(stored()).toEqual(['person']);
  });

  it('counts before it is stored, and a later hold takes the place of an earlier one', () => {
    const book = open();
    book.put('one', until(100, 'first'));
    book.put('one', until(500, 'second'));
    expect(book.of('one')?.reason).toBe('second');
    clock.advance(100);
    expect(due).toEqual([]);
    clock.advance(400);
    expect(due).toEqual(['one: second']);
  });

  it('a released hold is never told; another cause is left alone', () => {
    const book = open();
    book.put('one', until(100));
    expect(book.release('one', 'login')).toBeUndefined();
    expect(book.release('one', 'model')).toMatchObject({ resume_ms: 100 });
    clock.advance(1000);
    expect(due).toEqual([]);
  });

  it('survives a restart: what is due meanwhile is told at once, the rest at its time', async () => {
    const before = open();
    await db.write(before.put('due', until(100, 'a')));
    await db.write(before.put('later', until(2000, 'b')));
    await db.write(before.put('person', { cause: 'login', reason: 'c', resume_ms: null }));
    const timers = clock.now();
    const next = new ManualClock(timers + 1000);
    clock = next;
    const after = open();
    expect(due).toEqual(['due: a']);
    expect(after.agents('login')).toEqual(['person']);
    next.advance(1000);
    expect(due).toEqual(['due: a', 'later: b']);
  });
});
