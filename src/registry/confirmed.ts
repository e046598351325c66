import { NoxError } from '../shared/nox-error.js';

/** CONFIRMATION_REQUIRED unless it was said, or only asked what would happen. */
export function confirmed<R extends { readonly confirm: boolean; readonly dry_run: boolean }>(request: R): R {
  if (!request.confirm && !request.dry_run) throw new NoxError('CONFIRMATION_REQUIRED');
  return request;
}
