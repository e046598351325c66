import { stat } from 'node:fs/promises';
import { errnoOf } from './nox-error.js';

/** Whether something is there. Rejects when that cannot be told. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
