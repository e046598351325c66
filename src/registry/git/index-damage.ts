import { GitFailure } from './git-process.js';

/** Whether git could not read its index: it can be made anew. */
export const isIndexDamage = (error: unknown): boolean =>
  error instanceof GitFailure && /index file (corrupt|smaller)|bad (index|signature)|index uses/i.test(error.stderr);
