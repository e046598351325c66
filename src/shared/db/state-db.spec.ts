import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StateDb } from './state-db.js';

describe(StateDb.name, () => {
  let db: StateDb;
  beforeEach(() => {
    db = new StateDb(':memory:');
  });
  afterEach(() => db.close());

  it('resolves with the value of the work once it is committed', async () => {
    await expect(db.write((tx) => tx.run("INSERT INTO meta VALUES ('a', '1')").changes)).resolves.toBe(1);
    expect(db.getMeta('a')).toBe('1');
  });

  it('undoes only the work that throws, and keeps the others of the same group', async () => {
    const before = db.write((tx) => tx.run("INSERT INTO meta VALUES ('before', '1')"));
    const bad = db.write((tx) => {
      tx.run("INSERT INTO meta VALUES ('bad', '1')");
      throw new Error('no');
    });
    const after = db.write((tx) => tx.run("INSERT INTO meta VALUES ('after', '1')"));
    await expect(bad).rejects.toThrow('no');
    await Promise.all([before, after]);
    expect(db.all('SELECT key FROM meta ORDER BY key').map((r) => r['key'])).toEqual(['after', 'before']);
  });

  it('undoes a work that throws alone, and what comes after it is stored', async () => {
    const bad = db.write((tx) => {
      tx.run("INSERT INTO meta VALUES ('bad', '1')");
      tx.afterCommit(() => expect('this').toBe('never said'));
      throw new Error('no');
    });
    await expect(bad).rejects.toThrow('no');
    await db.setMeta('after', '1');
    expect(db.all('SELECT key FROM meta').map((r) => r['key'])).toEqual(['after']);
  });

  it('says what is after the commit in the order of the works, never for one that failed', async () => {
    const said: string[] = [];
    const works = [
      db.write((tx) => tx.afterCommit(() => said.push('first'))),
      db
        .write((tx) => {
          tx.afterCommit(() => said.push('never'));
          throw new Error('no');
        })
        .catch(() => undefined),
      db.write((tx) => tx.afterCommit(() => said.push('second'))),
    ];
    expect(said).toEqual([]);
    await Promise.all(works);
    expect(said).toEqual(['first', 'second']);
  });

  it('lets a work that may wait share the commit of the next, in its place, and waits for none', async () => {
    const said: string[] = [];
    const say = (word: string) => db.write((tx) => tx.afterCommit(() => said.push(word)), 'soon');
    const before = db.generation;
    const soon = say('soon');
    await db.write((tx) => tx.afterCommit(() => said.push('now')));
    await soon;
    expect(said).toEqual(['soon', 'now']);
    expect(db.generation - before).toBe(2);
    await say('alone');
    expect(said).toEqual(['soon', 'now', 'alone']);
    const last = say('last');
    db.close();
    await last;
    expect(said.at(-1)).toBe('last');
  });

  it('regression: a listener that throws leaves no writer of the group waiting', async () => {
    const faults: unknown[] = [];
    db.onListenerError = (error) => faults.push(error);
    const works = [
      db.write((tx) =>
        tx.afterCommit(() => {
          throw new Error('listener');
        }),
      ),
      db.setMeta('later', '1'),
    ];
    await Promise.all(works);
    expect(faults).toHaveLength(1);
    expect(db.getMeta('later')).toBe('1');
  });

  it('regression: a write that is asked for while it closes is refused, not forgotten', async () => {
    let late: Promise<void> | undefined;
    const last = db.write((tx) =>
      tx.afterCommit(() => {
        late = db.setMeta('late', '1');
      }),
    );
    db.close();
    await last;
    await expect(late).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  it('names a fault of the engine as STORAGE_FAILED', async () => {
    await db.setMeta('a', '1');
    await expect(db.write((tx) => tx.run("INSERT INTO meta VALUES ('a', '2')"))).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
    });
  });

  it('writes what waits when it closes, and refuses what comes later', async () => {
    const last = db.setMeta('last', '1');
    db.close();
    await expect(last).resolves.toBeUndefined();
    await expect(db.setMeta('late', '1')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });
});
