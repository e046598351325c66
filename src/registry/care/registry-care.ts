import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { CareStatus, GcResult, PruneRequest, PruneResult, RepairResult } from '../../contracts/registry.js';
import type { Clock } from '../../shared/clock.js';
import { failpoint } from '../../shared/failpoint.js';
import { KeyedQueue } from '../../shared/keyed-queue.js';
import { messageOf, NoxError } from '../../shared/nox-error.js';
import type { GitProcess } from '../git/git-process.js';
import { removeGitLeftovers } from '../git/leftovers.js';
import { bundleTime, makeBundle, type RefAt } from './bundle.js';
import { confirmed } from '../confirmed.js';
import { packLoose } from './pack-loose.js';
import { forgetPruned, pruneRecord } from './prune-record.js';
import { repairRepository } from './repair.js';
import { checkRepository } from './repository-check.js';

const FIRST_CHECK_MS = 20_000;
const CHECK_EVERY_MS = 3_600_000;
/** So many packs make readers slow. */
const MANY_PACKS = 40;
/** By how much a commit may be older than it should before it is pruned by itself. */
const PRUNE_SLACK = 1.25;
const DAY_MS = 86_400_000;
const GC_TIMEOUT_MS = 10 * 60_000;
/** No git that Nox starts lives so long. */
const LEFTOVER_MS = 3_600_000;

export interface CarePorts {
  readonly git: GitProcess;
  readonly clock: Clock;
  /** Where the last good bundle is kept; undefined: none is made, and nothing can be repaired. */
  readonly bundle: string | undefined;
  /** While the job runs, nothing writes to the repository. */
  alone<T>(job: () => Promise<T>): Promise<T>;
  /** Lets the writer begin new packs, and leave those that are there to gc. */
  leavePacks(): Promise<void>;
  /** While the job runs, nothing is committed to the record; intent is. */
  recordAlone<T>(job: () => Promise<T>): Promise<T>;
  /** How long the record's history is kept; 0: for ever. */
  recordDays(): number;
  /** See RecordWriter.atRest. */
  recordAtRest(pin: () => void): Promise<string | null>;
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

  /**
   * Writes all that git has as a bundle and answers its refs; writes go on meanwhile. The record is as it was when `pin` was
   * called, all else as it was then or newer. REGISTRY_DAMAGED.
   */
  copyTo(path: string, pin: () => void): Promise<RefAt[]> {
    return this.queue.run('care', async () => {
      this.refuseDamaged();
      const record = await this.ports.recordAtRest(pin);
      const refs = await makeBundle(this.ports.git, path);
      return refs.flatMap(({ ref, hash }) => {
        if (ref !== 'refs/heads/record') return [{ ref, hash }];
        return record === null ? [] : [{ ref, hash: record }];
      });
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
      await removeGitLeftovers(git.root, LEFTOVER_MS);
      await packLoose(git);
      await failpoint('gc.packed');
      await git.change(['repack', '-d', '-l', '-q', '--geometric=2'], { timeout_ms: GC_TIMEOUT_MS });
      await failpoint('gc.tidied');
      await git.run(['commit-graph', 'write', '--reachable', '--changed-paths', '--no-progress'], {
        timeout_ms: GC_TIMEOUT_MS,
      });
      return { dry_run: false, before, after: await this.size() };
    });
  }

  /**
   * See pruneRecord; git gives the room back at once, but for what is younger than an hour. INVALID_STATE when nobody says
   * how many days are kept; CONFIRMATION_REQUIRED, REGISTRY_DAMAGED.
   */
  async prune(input: z.output<typeof PruneRequest>): Promise<PruneResult> {
    const { ports } = this;
    const { days: asked, dry_run } = confirmed(input);
    const days = asked ?? ports.recordDays();
    if (days === 0)
      throw new NoxError(
        'INVALID_STATE',
        'The record is kept for ever: retention.record_days of system-config.toml is 0. Set it, or name a number of days.',
      );
    return this.queue.run('care', async () => {
      this.refuseDamaged();
      const now_ms = ports.clock.now();
      const before_ms = now_ms - days * DAY_MS;
      const alone = <T>(job: () => Promise<T>): Promise<T> =>
        ports.recordAlone(async () => {
          const done = await job();
          await ports.leavePacks();
          return done;
        });
      const done = await pruneRecord(ports.git, { before_ms, now_ms, dry_run, alone });
      if (dry_run || done.pruned === 0) return done;
      await forgetPruned(ports.git).catch((error: unknown) =>
        ports.warn('the record was pruned, but git gave no space back', { reason: messageOf(error) }),
      );
      await this.keepBundle();
      return done;
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

  /** Some days' commits at a time: each prune makes the history anew, and a remote keeps each one that it was given. */
  private async pruneWhenDue(): Promise<void> {
    const days = this.ports.recordDays();
    if (days === 0) return;
    const late = { days: Math.ceil(days * PRUNE_SLACK), dry_run: true, confirm: false };
    if ((await this.prune(late)).pruned > 0) await this.prune({ days, dry_run: false, confirm: true });
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
      if (this.problems.length === 0) await this.pruneWhenDue();
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
