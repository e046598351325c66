/** Runs `work` soon after it is asked for, but not more often than every so many milliseconds. */
export function atMostEvery(ms: number, work: () => void): () => void {
  let last = 0;
  let planned = false;
  return () => {
    if (planned) return;
    planned = true;
    setTimeout(
      () => {
        planned = false;
        last = Date.now();
        work();
      },
      Math.max(0, last + ms - Date.now()),
    );
  };
}
