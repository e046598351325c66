import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { NoxError } from '../../shared/nox-error.js';

/** In `.nox` while a restore exchanges what is there. */
export const RESTORING = 'restoring';

/** INVALID_STATE when a restore was cut short: half of what is in the folders may be another Nox's. */
export function refuseHalfRestored(home: string): void {
  if (!existsSync(join(home, RESTORING))) return;
  throw new NoxError(
    'INVALID_STATE',
    'A restore was cut short here. Run "nox restore FILE" once more; what was here before is beside it, as *.before-restore-*.',
  );
}
