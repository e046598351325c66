/** Wall-clock milliseconds with fractions, comparable between processes of one machine. */
export const wallClock = () => performance.timeOrigin + performance.now();

/** Calls `tick` `per_second` times a second until `count` are out, evenly over time however late the timers are. */
export function ticks(per_second, count, tick) {
  return new Promise((resolve) => {
    const start = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      const due = Math.min(count, Math.floor(((performance.now() - start) / 1000) * per_second));
      for (; sent < due; sent += 1) tick();
      if (sent < count) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
}
