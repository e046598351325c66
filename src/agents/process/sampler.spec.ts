import { describe, expect, it } from '@jest/globals';
import { type ProcessUse, TreeMeter } from './sampler.js';

const use = (pid: number, own_cpu_s: number, children_cpu_s = 0, start = 1): ProcessUse => ({
  pid,
  start,
  memory_bytes: 100,
  own_cpu_s,
  children_cpu_s,
});

describe('TreeMeter', () => {
  let uses: ProcessUse[] = [];
  let now_ms = 0;
  const meter = () => {
    now_ms = 0;
    return new TreeMeter(
      async () => uses,
      () => now_ms,
    );
  };

  it('tells the difference between two samples, the first one as what was used ever', async () => {
    const m = meter();
    uses = [use(1, 2), use(2, 1)];
    expect(await m.sample([])).toEqual({ memory_bytes: 200, cpu_percent: 0, processes: 2, cpu_s: 3 });
    now_ms = 1000;
    uses = [use(1, 2.25), use(2, 1.25)];
    expect(await m.sample([])).toMatchObject({ cpu_percent: 50, cpu_s: 0.5 });
  });

  it('is not disturbed by looks between, and does not trust short ones', async () => {
    const m = meter();
    uses = [use(1, 0)];
    await m.sample([]);
    now_ms = 500;
    uses = [use(1, 0.5)];
    expect((await m.look([])).cpu_percent).toBe(100);
    now_ms = 1000;
    expect((await m.sample([])).cpu_percent).toBe(50);
    now_ms = 1010;
    uses = [use(1, 0.51)];
    expect((await m.look([])).cpu_percent).toBe(50);
  });

  it('counts children that came and went between two samples, by what their parent waited for', async () => {
    const m = meter();
    uses = [use(1, 1)];
    await m.sample([]);
    now_ms = 1000;
    uses = [use(1, 1, 0.8)];
    expect((await m.sample([])).cpu_percent).toBeCloseTo(80);
  });

  it('counts a child once that it had seen before it ended', async () => {
    const m = meter();
    uses = [use(1, 1), use(2, 3)];
    await m.sample([]);
    now_ms = 1000;
    uses = [use(1, 1, 3.2)];
    expect((await m.sample([])).cpu_s).toBeCloseTo(0.2);
  });

  it('never goes below what the living used themselves when one is lost whose parent is elsewhere', async () => {
    const m = meter();
    uses = [use(1, 1), use(2, 100)];
    await m.sample([]);
    now_ms = 1000;
    uses = [use(1, 1.5)];
    expect((await m.sample([])).cpu_s).toBeCloseTo(0.5);
  });

  it('takes a pid that came again for another process', async () => {
    const m = meter();
    uses = [use(1, 50)];
    await m.sample([]);
    now_ms = 1000;
    uses = [use(1, 0.25, 0, 2)];
    expect((await m.sample([])).cpu_percent).toBe(25);
  });
});
