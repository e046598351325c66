import { randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';

const pool = new Uint8Array(4096);
let used = pool.length;

/** Random numbers in [0, 1) from the system's source, fetched by the page: one call for each digit is what ids cost most. */
function random(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return (pool[used++] ?? 0) / 256;
}

const next = monotonicFactory(random);

/** A new id such as `trn_01J…`: sortable by time, also within a millisecond. */
export const newId = (prefix: 'trn' | 'apr' | 'msg' | 'evt' | 'run' | 'req' | 'fam' | 'lnk'): string =>
  `${prefix}_${next()}`;

/** Digits and letters that are not taken for one another. */
const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new id of a task such as `t-7f3k2m9q`: short, because people read it in their files. */
export const newTaskId = (): string =>
  `t-${Array.from({ length: 8 }, () => LETTERS[Math.floor(random() * LETTERS.length)]).join('')}`;

/** The id of the task that is made under this key, a sha256 in hex: the same each time. */
export const taskIdOf = (key: string): string => `t-${key.slice(0, 16)}`;
