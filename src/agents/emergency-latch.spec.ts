import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { EmergencyLatch } from './emergency-latch.js';

describe(EmergencyLatch.name, () => {
  let home: string;
  let db: StateDb;
  const clock = new ManualClock();
  const open = () => new EmergencyLatch({ base: home, home, registry: home, env: {} }, db, clock);
  const marker = () => join(home, 'emergency-stop');

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'nox-latch-'));
    db = new StateDb(':memory:');
  });
  afterEach(() => {
    db.close();
    rmSync(home, { recursive: true, force: true });
  });

  it('bars starts at once and says who, when and why', () => {
    const latch = open();
    latch.assertClear();
    expect(latch.engage('ada', 'costs')).toEqual([]);
    expect(() => latch.assertClear()).toThrow(/^No agent may start: emergency stop by ada at 2026-01-01T.*: costs;/);
  });

  it('is found again by the marker alone, and by the journal alone', async () => {
    const latch = open();
    latch.engage('ada', null);
    expect(open().state()).toEqual({ actor: 'ada', reason: null, since: clock.iso() });
    await latch.store();
    rmSync(marker());
    expect(open().state()).toMatchObject({ actor: 'ada' });
  });

  it('takes a marker that cannot be understood for real', () => {
    writeFileSync(marker(), '{"actor":');
    expect(open().state()).toMatchObject({ actor: 'unknown' });
  });

  it('keeps room for its marker beforehand, and uses that room', () => {
    const latch = open();
    const reserved = statSync(join(home, 'emergency-stop.reserve'));
    expect(reserved.size).toBe(4096);
    latch.engage('ada', null);
    expect(statSync(marker()).ino).toBe(reserved.ino);
  });

  it('works without that room, and says when there is no marker at all', () => {
    const latch = open();
    rmSync(join(home, 'emergency-stop.reserve'));
    expect(latch.engage('ada', null)).toEqual([]);
    rmSync(marker());
    mkdirSync(marker());
    expect(latch.engage('ada', null)).toEqual([expect.stringMatching(/^the marker file was not written: .*EISDIR/)]);
    expect(latch.state()).not.toBeNull();
  });

  it('keeps the first of two stops, and is gone for good once cleared', async () => {
    const latch = open();
    latch.engage('ada', 'first');
    latch.engage('bob', 'second');
    expect(latch.state()).toMatchObject({ actor: 'ada', reason: 'first' });
    await latch.store();
    await latch.clear();
    latch.assertClear();
    expect(existsSync(marker())).toBe(false);
    expect(open().state()).toBeNull();
  });

  it('stays in force when the clearing cannot be stored', async () => {
    const latch = open();
    latch.engage('ada', null);
    db.close();
    await expect(latch.clear()).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(() => latch.assertClear()).toThrow();
  });
});
