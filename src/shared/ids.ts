import { monotonicFactory } from 'ulid';

const next = monotonicFactory();

/** A new id such as `trn_01J…`: sortable by time, also within a millisecond. */
export const newId = (prefix: 'trn' | 'apr' | 'evt' | 'run' | 'req' | 'fam'): string => `${prefix}_${next()}`;
