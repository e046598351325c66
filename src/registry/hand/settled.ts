import type { Clock } from '../../shared/clock.js';
import type { FolderRead, IntentFolder } from '../intent-folder.js';
import { INTENT_FILES, type IntentFile } from '../intent.js';

/** How long a file that somebody saves must be left alone before it is looked at, and how long that is waited for. */
export interface SettleOptions {
  readonly quiet_ms: number;
  readonly at_most_ms: number;
}

/** An editor may cut a file to nothing and pause before it writes the rest. */
export const SETTLE: SettleOptions = { quiet_ms: 400, at_most_ms: 3000 };

/** What was read, and which files are still being written. */
export interface Settled extends FolderRead {
  readonly restless: ReadonlySet<IntentFile>;
}

/**
 * Reads the files. While one that is not as it was seen last is still being written, it is read again: what is half there
 * may well be valid, and would be taken for what somebody wants. One that is never left alone is answered as restless.
 */
export async function readSettled(
  folder: IntentFolder,
  differs: (file: IntentFile, text: string | undefined) => boolean,
  { quiet_ms, at_most_ms }: SettleOptions,
  clock: Clock,
): Promise<Settled> {
  const until_ms = clock.now() + at_most_ms;
  const noticed = new Map<IntentFile, { readonly text: string | undefined; readonly at_ms: number }>();
  for (;;) {
    const read = await folder.read();
    const now_ms = clock.now();
    const waits = new Map<IntentFile, number>();
    for (const file of quiet_ms === 0 ? [] : INTENT_FILES) {
      const text = read.texts.get(file);
      if (!differs(file, text)) continue;
      const known = noticed.get(file);
      // A file's time may be ahead of the clock, after that was set back: then it counts from now.
      const changed_ms = Math.min(read.changed_ms.get(file) ?? now_ms, now_ms);
      const at_ms = known?.text === text && known !== undefined ? known.at_ms : changed_ms;
      noticed.set(file, { text, at_ms });
      if (at_ms + quiet_ms > now_ms) waits.set(file, at_ms + quiet_ms - now_ms);
    }
    if (waits.size === 0 || now_ms >= until_ms) return { ...read, restless: new Set(waits.keys()) };
    const wait_ms = Math.min(...waits.values(), until_ms - now_ms);
    await new Promise<void>((resolve) => clock.after(wait_ms, resolve));
  }
}
