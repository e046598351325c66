import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of one test's own; gone after `remove`, or at the end of an `await using` scope. */
export interface TempDir extends AsyncDisposable {
  readonly path: string;
  remove(): Promise<void>;
}

export async function makeTempDir(prefix = 'nox-test-'): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  // Retried, because a process that was just killed may still have been writing.
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  return { path, remove, [Symbol.asyncDispose]: remove };
}
