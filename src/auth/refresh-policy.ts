/** How long a rotated token may be shown again: its answer may have been lost on the way. */
export const GRACE_MS = 10_000;

export interface RefreshRow {
  readonly expires_ms: number;
  readonly used_ms: number | null;
  readonly revoked: number;
}

/**
 * `rotate`: first use. `repeat`: shown again at once, while its successor lies unused: the same successor is the answer.
 * `reuse`: two parties hold it, so the whole login ends. `refuse`: unknown, expired or ended.
 */
export type RefreshVerdict = 'rotate' | 'repeat' | 'reuse' | 'refuse';

export function judgeRefresh(
  row: RefreshRow | undefined,
  successor: RefreshRow | undefined,
  now_ms: number,
): RefreshVerdict {
  if (row === undefined || row.revoked !== 0 || row.expires_ms <= now_ms) return 'refuse';
  if (row.used_ms === null) return 'rotate';
  const lost = now_ms - row.used_ms <= GRACE_MS && successor !== undefined && successor.used_ms === null;
  return lost ? 'repeat' : 'reuse';
}
