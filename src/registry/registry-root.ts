import { realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeFolder } from '../shared/atomic-file.js';
import type { Clock } from '../shared/clock.js';
import { NoxError } from '../shared/nox-error.js';
import { repairRepository } from './care/repair.js';
import type { SettleOptions } from './hand/settled.js';
import { storageError } from './intent-folder.js';
import { excludeFromOuterRepository } from './outer-repository.js';
import type { RecordOptions } from './record-writer.js';

export interface RegistryOptions {
  readonly path: string;
  readonly template_path: string;
  readonly clock: Clock;
  readonly warn?: (message: string, fields: object) => void;
  readonly record?: RecordOptions;
  /** How long a hand edit is left alone before it is taken up. Default: not at all. */
  readonly settle?: SettleOptions;
  /** Where a bundle of it is kept, to repair it from. */
  readonly bundle?: string;
  /** Makes it whole from the bundle before it is opened. */
  readonly repair?: boolean;
  /** Answers the value of `env:NAME` or `file:name`; rejects in words when there is none. */
  readonly secret?: (reference: string) => Promise<string>;
}

export const noSecrets = (reference: string): Promise<string> =>
  Promise.reject(new NoxError('INVALID_STATE', `Nobody here knows the value of ${reference}.`));

/** The folder by its real name; made when there is none, and kept out of an outer repository. */
export async function makeRoot(path: string): Promise<string> {
  try {
    await makeFolder(join(resolve(path), '.git'));
    // Processes are found by the folder's real name.
    const root = await realpath(path);
    await excludeFromOuterRepository(root);
    return root;
  } catch (error) {
    throw storageError(error);
  }
}

/** Makes it whole before it is opened. INVALID_STATE when no bundle of it is kept. */
export async function repairOffline(root: string, { bundle, clock, warn }: RegistryOptions): Promise<void> {
  if (bundle === undefined) throw new NoxError('INVALID_STATE', 'No bundle of the registry is kept.');
  const { damaged_folder, refs } = await repairRepository(root, bundle, clock.iso());
  warn?.('the registry was repaired', { damaged_folder, refs });
}
