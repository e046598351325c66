import { createHash } from 'node:crypto';
import type { LedgerEntry } from '../../contracts/audit.js';
import { canonicalJson } from '../canonical.js';

export const GENESIS = '0'.repeat(64);

/** Hex sha256 over the link before and everything that this one says. */
export const linkHash = ({ seq, at, kind, body, prev_sha256 }: Omit<LedgerEntry, 'sha256'>): string =>
  createHash('sha256')
    .update(canonicalJson([prev_sha256, seq, at, kind, body]))
    .digest('hex');

/** A place in the chain that is kept elsewhere, too: in a commit of the record. */
export interface Anchor {
  readonly seq: number;
  readonly sha256: string;
}

/** Follows the chain one link at a time and says where it breaks first. */
export class ChainCheck {
  entries = 0;
  head: Anchor | null = null;
  problem: { seq: number; message: string } | null = null;
  private readonly links = new Map<number, string>();

  constructor(wanted: readonly Anchor[]) {
    this.wanted = new Set(wanted.map(({ seq }) => seq));
  }
  private readonly wanted: ReadonlySet<number>;

  see(entry: LedgerEntry): void {
    const expected = (this.head?.seq ?? 0) + 1;
    if (entry.seq !== expected) this.fail(expected, `entry ${expected} is missing`);
    if (entry.prev_sha256 !== (this.head?.sha256 ?? GENESIS))
      this.fail(entry.seq, `entry ${entry.seq} does not follow the one before it`);
    if (linkHash(entry) !== entry.sha256) this.fail(entry.seq, `entry ${entry.seq} was changed`);
    this.entries += 1;
    this.head = { seq: entry.seq, sha256: entry.sha256 };
    if (this.wanted.has(entry.seq)) this.links.set(entry.seq, entry.sha256);
  }

  /** How many anchors the chain agrees with. */
  matches(anchors: readonly Anchor[]): number {
    const match = anchors.filter(({ seq, sha256 }) => this.links.get(seq) === sha256).length;
    const torn = anchors.find(({ seq, sha256 }) => this.links.get(seq) !== sha256);
    if (torn !== undefined) this.fail(torn.seq, `entry ${torn.seq} is not the one that a commit of the record names`);
    return match;
  }

  private fail(seq: number, message: string): void {
    this.problem ??= { seq, message };
  }
}
