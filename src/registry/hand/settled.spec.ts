import { describe, expect, it } from '@jest/globals';
import { SystemClock } from '../../shared/clock.js';
import type { IntentFolder } from '../intent-folder.js';
import type { IntentFile } from '../intent.js';
import { readSettled } from './settled.js';

const clock = new SystemClock();

/** A folder of one file: when it was changed, and its text, at each look. */
function folder(changed_ms: () => number, next: () => string): IntentFolder {
  const read = () =>
    Promise.resolve({
      texts: new Map<IntentFile, string>([['agents.toml', next()]]),
      problems: new Map(),
      changed_ms: new Map<IntentFile, number>([['agents.toml', changed_ms()]]),
    });
  return { read } as unknown as IntentFolder;
}
const differs = (file: IntentFile): boolean => file === 'agents.toml';

describe(readSettled.name, () => {
  it('regression: takes up an edit whose time is ahead of the clock once it is left alone', async () => {
    const options = { quiet_ms: 10, at_most_ms: 60_000 };
    const ahead = folder(
      () => clock.now() + 3_600_000,
      () => 'a = 1',
    );
    const { restless, texts } = await readSettled(ahead, differs, options, clock);
    expect({ restless: [...restless], text: texts.get('agents.toml') }).toEqual({ restless: [], text: 'a = 1' });
  });

  it('tells of one that is never left alone', async () => {
    let n = 0;
    const busy = folder(
      () => clock.now(),
      () => `a = ${(n += 1)}`,
    );
    const { restless } = await readSettled(busy, differs, { quiet_ms: 50, at_most_ms: 60 }, clock);
    expect([...restless]).toEqual(['agents.toml']);
  });
});
