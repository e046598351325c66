import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../test/support/wait.js';
import { SystemClock } from './clock.js';
import { FolderWatch } from './folder-watch.js';

describe(FolderWatch.name, () => {
  let path: string;
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'nox-watch-'));
  });
  afterEach(() => rmSync(path, { recursive: true, force: true }));

  it('looks at a file that changes while it is looked at once more, however often it changes', async () => {
    const begun: string[] = [];
    const gate = Promise.withResolvers<void>();
    const watch = new FolderWatch(
      {
        path,
        clock: new SystemClock(),
        keyOf: (name) => name,
        look: (key) => {
          begun.push(key);
          return key === 'slow' ? gate.promise : Promise.resolve();
        },
        sweep: () => Promise.resolve(),
        warn: () => undefined,
      },
      { quiet_ms: 1, at_most_ms: 1 },
    );
    await watch.start();
    const looks = (name: string) => begun.filter((each) => each === name).length;
    writeFileSync(join(path, 'slow'), '0');
    await eventually('the first look', () => looks('slow') === 1);
    for (let n = 1; n <= 10; n += 1) {
      writeFileSync(join(path, 'slow'), String(n).repeat(n));
      writeFileSync(join(path, `after-${n}`), '');
      await eventually('the watch to have got so far', () => looks(`after-${n}`) > 0);
    }
    expect(looks('slow')).toBe(1);
    gate.resolve();
    await eventually('the look at what has changed meanwhile', () => looks('slow') > 1);
    await watch.close();
  });
});
