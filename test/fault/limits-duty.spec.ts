import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { DutyCycle } from '../../src/agents/limits/duty-cycle.js';
import { createProcessHost } from '../../src/agents/process/native-process-host.js';
import type { ManagedProcess } from '../../src/agents/process/process-host.js';
import { readRow } from '../../src/agents/process/procfs.js';
import { TreeMeter } from '../../src/agents/process/sampler.js';
import { SystemClock } from '../../src/shared/clock.js';
import { eventually } from '../support/wait.js';
import { firstLine, killMarked, newMark, startShell } from './process-support.js';

const BURNS = 'sleep "$1" & while :; do :; done & echo ready; wait';
const best = createProcessHost();
await best.ready();

/** The machine's clock, which knows how many timers still wait. */
class CountingClock extends SystemClock {
  waiting = 0;

  override after(delay_ms: number, fn: () => void): () => void {
    this.waiting += 1;
    let done = false;
    const settle = (): void => {
      if (!done) this.waiting -= 1;
      done = true;
    };
    const cancel = super.after(delay_ms, () => {
      settle();
      fn();
    });
    return () => {
      settle();
      cancel();
    };
  }
}

const stateOf = (pid: number): string | undefined => readRow(pid)?.state;

describe.each([best.confinement(), 'process-group'] as const)('the duty cycle on the rung %s', (rung) => {
  const host = createProcessHost({ rung });
  const runs: ManagedProcess[] = [];
  afterEach(async () => {
    for (const run of runs.splice(0)) await run.end({ grace_ms: 0 });
  });
  afterAll(killMarked);

  async function burning() {
    const run = await startShell(host, BURNS, newMark());
    runs.push(run);
    await firstLine(run.stdout);
    const errors: unknown[] = [];
    const clock = new CountingClock();
    let stops = 0;
    const look = (): Promise<number[]> => {
      stops += 1;
      return run.tree();
    };
    const held = { tree: look, clock, onError: (error: unknown) => errors.push(error) };
    const periods = (count: number) => eventually(`${count} periods`, () => stops >= count);
    return { run, held, clock, errors, periods, tree: await run.tree() };
  }

  it('holds a tree to its share and lets it go', async () => {
    const { run, held, clock, errors, periods, tree } = await burning();
    expect(tree).toHaveLength(3);
    const meter = new TreeMeter();
    await meter.sample(tree);
    const cycle = new DutyCycle(held, 0.2);
    await periods(10);
    const { cpu_percent } = await meter.sample(tree);
    expect(cpu_percent).toBeGreaterThan(1);
    expect(cpu_percent).toBeLessThan(60);
    await eventually('it is stopped', () => tree.every((pid) => stateOf(pid) === 'T'));
    const outermost = stateOf(run.identity.pid);
    if (rung === 'pid-namespace') expect(outermost).not.toBe('T');
    cycle.release();
    await eventually('it goes on', () => tree.every((pid) => stateOf(pid) !== 'T'));
    expect(clock.waiting).toBe(0);
    expect(errors).toEqual([]);
  });

  it('does not keep a stopped tree from being ended', async () => {
    const { run, held, tree } = await burning();
    const cycle = new DutyCycle(held, 0.05);
    await eventually('it is stopped', () => tree.every((pid) => stateOf(pid) === 'T'));
    await run.end({ grace_ms: 0 });
    cycle.release();
    expect(tree.filter((pid) => !['Z', undefined].includes(stateOf(pid)))).toEqual([]);
  });

  it('leaves alone what somebody else has stopped', async () => {
    const { held, periods, tree } = await burning();
    const [, stopped = 0] = tree;
    process.kill(stopped, 'SIGSTOP');
    const cycle = new DutyCycle(held, 0.5);
    await periods(3);
    cycle.release();
    expect(stateOf(stopped)).toBe('T');
  });

  it('gives up and lets go when the tree cannot be found', async () => {
    const { held, tree } = await burning();
    const told = new Promise((resolve) => {
      const cycle = new DutyCycle({ ...held, tree: () => Promise.reject(new Error('EMFILE')), onError: resolve }, 0.5);
      void cycle;
    });
    expect(await told).toEqual(new Error('EMFILE'));
    expect(tree.filter((pid) => stateOf(pid) === 'T')).toEqual([]);
  });
});
