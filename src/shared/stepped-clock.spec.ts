import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SteppedClock } from './stepped-clock.js';

describe(SteppedClock.name, () => {
  const folder = mkdtempSync(join(tmpdir(), 'nox-clock-'));
  const path = join(folder, 'ahead');
  const HOUR_MS = 3_600_000;
  afterEach(() => rmSync(path, { force: true }));

  it('is ahead as far as its file says, and runs in order what is due by then', () => {
    const clock = new SteppedClock(path);
    const ran: string[] = [];
    clock.after(2 * HOUR_MS, () => ran.push('far'));
    clock.after(HOUR_MS / 2, () => ran.push('second'));
    const cancel = clock.after(HOUR_MS / 3, () => ran.push('cancelled'));
    clock.after(HOUR_MS / 4, () => {
      ran.push('first');
      cancel();
    });
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000);
    writeFileSync(path, String(HOUR_MS));
    clock.step();
    expect(ran).toEqual(['first', 'second']);
    expect(Math.abs(clock.now() - Date.now() - HOUR_MS)).toBeLessThan(1000);
    expect(Math.abs(new SteppedClock(path).now() - Date.now() - HOUR_MS)).toBeLessThan(1000);
  });

  it('never goes back, and refuses what is no number', () => {
    writeFileSync(path, String(HOUR_MS));
    const clock = new SteppedClock(path);
    writeFileSync(path, '0');
    clock.step();
    expect(clock.now()).toBeGreaterThan(Date.now() + HOUR_MS / 2);
    writeFileSync(path, 'soon');
    expect(() => new SteppedClock(path)).toThrow(/must hold a number/);
    rmSync(folder, { recursive: true });
  });
});
