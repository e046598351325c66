/** The greatest length up to `limit` for which every stretch is the same, found by halving: comparing stretches is cheap. */
export function commonLength(limit: number, same: (at: number, end: number) => boolean): number {
  let [low, high] = [0, limit];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (same(low, middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
