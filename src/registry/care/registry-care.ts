import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CareStatus, GcResult, RepairResult } from '../../contracts/registry.js';
import type { Clock } from '../../shared/clock.js';
import { KeyedQueue } from '../../shared/keyed-queue.js';
import { messageOf, NoxError } from '../../shared/nox-error.js';
import type { GitProcess } from '../git/git-process.js';
import { bundleTime, makeBundle } from './bundle.js';
import { repairRepository } from './repair.js';
import { checkRepository } from './repository-check.js';

const FIRST_CHECK_MS = 20_000;
const CHECK_EVERY_MS = 3_600_000;
/** So many packs make readers slow. */
const MANY_PACKS = 40;
const GC_TIMEOUT_MS = 10 * 60_000;

export interface CarePorts {
  readonly git: GitProcess;
  readonly clock: Clock;
  /** Where the last good bundle is kept; undefined: none is made, and nothing can be repaired. */
  readonly bundle: string | undefined;
  /** While the job runs, nothing writes to the repository. */
  alone<T>(job: () => Promise<T>): Promise<T>;
  /** Lets the writer begin new packs, and leave those that are there to gc. */
  leavePacks(): Promise<void>;
  /** Takes up what is on the disk now as if Nox had just started; only inside `alone`. */
  reload(): Promise<void>;
  found(damage: readonly string[]): void;
  warn(message: string, fields: object): void;
}

/**
 * Looks after the repository: reads all of it every hour, keeps a bundle of it while it is whole, packs it, and repairs it.
 * While it is damaged nothing is written to it.
 */
export class RegistryCare {
  private readonly queue = new KeyedQueue<'care'>();
  private problems: readonly string[] = [];
  private checked_at: string | null = null;
  /** Refs as the bundle has them. */
  private bundled = '';
  private cancel: (() => void) | undefined;
  private stopped = false;

  constructor(private readonly ports: CarePorts) {}

  /** From now on it is looked at in the background. */
  start(): void {
    this.schedule(FIRST_CHECK_MS);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cancel?.();
    await this.queue.idle();
  }

  /** REGISTRY_DAMAGED while it is. */
  refuseDamaged(): void {
    if (this.problems.length === 0) return;
    const message = `The registry on the disk is damaged (${this.problems[0] ?? ''}); nothing is written to it. Repair it: nox registry repair`;
    throw new NoxError('REGISTRY_DAMAGED', message, { problems: this.problems });
  }

  async status(): Promise<CareStatus> {
    const { bundle } = this.ports;
    const made = bundle === undefined ? null : await bundleTime(bundle);
    return {
      ok: this.problems.length === 0,
      problems: [...this.problems],
      checked_at: this.checked_at,
      bundle: made === null ? null : { path: bundle ?? '', made_at: made.toISOString() },
    };
  }

  /** Reads all of it now; when it is whole, the bundle follows. */
  verify(): Promise<CareStatus> {
    return this.queue.run('care', async () => {
      await this.check();
      if (this.problems.length === 0) await this.keepBundle();
      return this.status();
    });
  }

  /** See repairRepository. INVALID_STATE when it is whole. */
  repair(): Promise<RepairResult> {
    const { ports } = this;
    return this.queue.run('care', async () => {
      await this.check();
      if (this.problems.length === 0)
        throw new NoxError('INVALID_STATE', 'The registry is whole; there is nothing to repair.');
      const { bundle } = ports;
      if (bundle === undefined) throw new NoxError('INVALID_STATE', 'No bundle of the registry is kept.');
      return ports.alone(async () => {
        const was = [...this.problems];
        const done = await repairRepository(ports.git.root, bundle, ports.clock.iso());
        await ports.leavePacks();
        await ports.reload();
        this.problems = [];
        return { ...done, refs: [...done.refs], problems: was };
      });
    });
  }

  /**
   * Packs what is in many packs or loose into few, without a look at what is in use: so nothing that is being committed at
   * this moment can be missed. Writes go on meanwhile; a crash leaves the old packs or the new ones, or both.
   */
  gc(options: { readonly dry_run: boolean }): Promise<GcResult> {
    const { git } = this.ports;
    return this.queue.run('care', async () => {
      const before = await this.size();
      if (options.dry_run) return { dry_run: true, before, after: before };
      this.refuseDamaged();
      await this.ports.leavePacks();
      await git.run(['repack', '-d', '-l', '-q', '--geometric=2'], { timeout_ms: GC_TIMEOUT_MS });
      await git.run(['prune-packed', '--quiet']);
      await git.run(['commit-graph', 'write', '--reachable', '--changed-paths', '--no-progress'], {
        timeout_ms: GC_TIMEOUT_MS,
      });
      return { dry_run: false, before, after: await this.size() };
    });
  }

  /** Problems that are there twice, the second time while nothing writes: the first look may have met a moving pack. */
  private async check(): Promise<void> {
    const { ports } = this;
    const first = await checkRepository(ports.git);
    const problems = first.length === 0 ? first : await ports.alone(() => checkRepository(ports.git));
    this.checked_at = ports.clock.iso();
    const is_new = problems.length > 0 && this.problems.length === 0;
    this.problems = problems;
    if (is_new) ports.found(problems);
  }

  private async keepBundle(): Promise<void> {
    const { git, bundle } = this.ports;
    if (bundle === undefined) return;
    const refs = await git.run(['for-each-ref', '--format=%(refname) %(objectname)']);
    if (refs === this.bundled && (await bundleTime(bundle)) !== null) return;
    try {
      await makeBundle(git, bundle);
      this.bundled = refs;
    } catch (error) {
      this.ports.warn('no bundle of the registry could be made; the last one stays', { reason: messageOf(error) });
    }
  }

  private schedule(wait_ms: number): void {
    if (this.stopped) return;
    this.cancel = this.ports.clock.after(wait_ms, () => void this.look());
  }

  private async look(): Promise<void> {
    try {
      await this.verify();
      const { packs } = await this.size();
      if (packs > MANY_PACKS && this.problems.length === 0) await this.gc({ dry_run: false });
    } catch (error) {
      this.ports.warn('the registry could not be looked after; it is tried again', { reason: messageOf(error) });
    }
    this.schedule(CHECK_EVERY_MS);
  }

  private async size(): Promise<GcResult['before']> {
    const folder = join(this.ports.git.root, '.git', 'objects', 'pack');
    const names = await readdir(folder).catch(() => []);
    // One that its writer has just replaced counts nothing.
    const sizes = await Promise.all(
      names.map((name) =>
        stat(join(folder, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    const told = await this.ports.git.run(['count-objects', '-v']);
    const loose = Number(/^count: (\d+)$/m.exec(told)?.[1] ?? 0);
    return {
      packs: names.filter((name) => name.endsWith('.pack')).length,
      pack_bytes: sizes.reduce((sum, size) => sum + size, 0),
      loose_objects: loose,
    };
  }
}
