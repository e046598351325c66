import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isHeld } from './is-held.js';
import { StateDb } from './state-db.js';

describe(isHeld.name, () => {
  const base = mkdtempSync(join(tmpdir(), 'nox-held-'));
  afterAll(() => rmSync(base, { recursive: true, force: true }));
  const path = join(base, 'state.db');

  it('tells a journal that somebody has open from one that nobody has, and changes neither', async () => {
    expect(isHeld(path)).toBe(false);
    const db = new StateDb(path);
    expect(isHeld(path)).toBe(true);
    await db.write((tx) => tx.run("INSERT INTO meta (key, value) VALUES ('a', 'b')"));
    expect(isHeld(path)).toBe(true);
    db.close();
    expect(isHeld(path)).toBe(false);
    const again = new StateDb(path);
    expect(again.get("SELECT value FROM meta WHERE key = 'a'")).toEqual({ value: 'b' });
    again.close();
  });

  it('leaves what is no database to whoever reads it', () => {
    const other = join(base, 'other');
    writeFileSync(other, 'not a database, but longer than the header of one. '.repeat(100));
    expect(isHeld(other)).toBe(false);
    expect(readFileSync(other, 'utf8')).toContain('not a database');
  });
});
