import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { EmergencyStop } from '../contracts/system.js';
import { errnoOf, messageOf } from '../shared/nox-error.js';

const RESERVED_BYTES = 4096;

/**
 * The file whose being there is the emergency stop. Its space is reserved in good times and it comes into being by a
 * rename, so that a full disk cannot keep it away; whoever finds it unreadable must take it for real.
 */
export class EmergencyMarker {
  private readonly spare: string;

  constructor(private readonly path: string) {
    this.spare = `${path}.reserve`;
  }

  /** What the file says; null when there is none. A file that cannot be read or understood is an emergency stop, too. */
  read(now: string): EmergencyStop | null {
    try {
      const parsed = EmergencyStop.safeParse(JSON.parse(readFileSync(this.path, 'utf8')));
      if (parsed.success) return parsed.data;
      return unreadable(now, 'its marker file says nothing more');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      return unreadable(now, messageOf(error));
    }
  }

  /** Keeps the space that `write` will need. Best effort: without it `write` tries all the same. */
  reserve(): boolean {
    try {
      writeAll(this.spare, ''.padEnd(RESERVED_BYTES));
      return true;
    } catch {
      return false;
    }
  }

  /** On the disk when it returns. Throws the error of the system when not even an empty file could be made. */
  write(stop: EmergencyStop): void {
    try {
      // 'r+': over what was reserved, so that no new space is needed.
      writeAll(this.spare, JSON.stringify(stop).padEnd(RESERVED_BYTES), 'r+');
      renameSync(this.spare, this.path);
    } catch {
      writeEvenEmpty(this.path, JSON.stringify(stop));
    }
    syncFolder(dirname(this.path));
  }

  remove(): void {
    rmSync(this.path, { force: true });
    syncFolder(dirname(this.path));
  }
}

const unreadable = (since: string, reason: string): EmergencyStop => ({ since, actor: 'unknown', reason });

function writeAll(path: string, text: string, flags: 'w' | 'r+' = 'w'): void {
  const file = openSync(path, flags, 0o600);
  try {
    writeSync(file, text, 0);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The name alone says enough when there is no room for the rest. */
function writeEvenEmpty(path: string, text: string): void {
  const file = openSync(path, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } catch (error) {
    if (errnoOf(error) !== 'ENOSPC' && errnoOf(error) !== 'EDQUOT') throw error;
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
