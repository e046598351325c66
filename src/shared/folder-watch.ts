import { type FSWatcher, watch } from 'chokidar';
import { mkdir } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Clock } from './clock.js';
import { messageOf } from './nox-error.js';

export interface WatchOptions {
  readonly backend?: 'native' | 'polling';
  /** How long a file must be left alone before it is looked at. */
  readonly quiet_ms?: number;
  /** A file that is never left alone is looked at after this. */
  readonly at_most_ms?: number;
  /** How often everything is looked at, whatever the system has told. */
  readonly sweep_ms?: number;
}

export interface FolderPorts {
  readonly path: string;
  readonly clock: Clock;
  /** What a file's name stands for; undefined: nothing that is watched. Names that stand for one thing share one look. */
  keyOf(name: string): string | undefined;
  /** Looks at a file, whether or not it has changed. Never called for a key whose last look is under way. */
  look(key: string): Promise<void>;
  /** Looks at everything. */
  sweep(closed: () => boolean): Promise<void>;
  warn(message: string, fields: object): void;
}

interface Restless {
  cancel: () => void;
  readonly since_ms: number;
}

/**
 * Tells which files of a folder to look at. What the system says is a hint only: what counts is what is found when the
 * file is read, so events that are lost, doubled or about Nox's own writes do no harm.
 */
export class FolderWatch {
  private watcher: FSWatcher | undefined;
  private readonly restless = new Map<string, Restless>();
  /** Looks under way, and whether something has happened since they began. */
  private readonly looks = new Map<string, { again: boolean; ended: Promise<void> }>();
  private cancelSweep: () => void = () => undefined;
  private readonly options: Required<WatchOptions>;
  private closed = false;

  constructor(
    private readonly ports: FolderPorts,
    options: WatchOptions = {},
  ) {
    this.options = { backend: 'native', quiet_ms: 40, at_most_ms: 400, sweep_ms: 10_000, ...options };
  }

  /** Resolves when changes are seen. */
  async start(): Promise<void> {
    const { path } = this.ports;
    await mkdir(path, { recursive: true });
    const watcher = watch(path, {
      depth: 0,
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      backend: this.options.backend,
      pollingInterval: 50,
      ignored: (each) => each !== path && this.ports.keyOf(basename(each)) === undefined,
    });
    this.watcher = watcher;
    watcher.on('all', (_, each) => this.hint(basename(each)));
    watcher.on('error', (error) => this.ports.warn('the watch on a folder failed', { path, reason: messageOf(error) }));
    await new Promise<void>((resolve) => watcher.once('ready', resolve));
    this.sweepLater();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancelSweep();
    for (const { cancel } of this.restless.values()) cancel();
    this.restless.clear();
    await this.watcher?.close();
    await Promise.all([...this.looks.values()].map(({ ended }) => ended));
  }

  private hint(name: string): void {
    const key = this.ports.keyOf(name);
    if (key === undefined || this.closed) return;
    const known = this.restless.get(key);
    known?.cancel();
    const since_ms = known?.since_ms ?? this.ports.clock.now();
    const left_ms = Math.max(0, since_ms + this.options.at_most_ms - this.ports.clock.now());
    const cancel = this.ports.clock.after(Math.min(this.options.quiet_ms, left_ms), () => {
      this.restless.delete(key);
      this.look(key);
    });
    this.restless.set(key, { cancel, since_ms });
  }

  /** However often a file changes during a look, it is looked at once more when that has ended: looks never pile up. */
  private look(key: string): void {
    const under_way = this.looks.get(key);
    if (under_way !== undefined) {
      under_way.again = true;
      return;
    }
    const look = { again: false, ended: Promise.resolve() };
    this.looks.set(key, look);
    look.ended = this.ports
      .look(key)
      .catch((error: unknown) => {
        this.ports.warn('a file was not taken in; it is looked at again', { key, reason: messageOf(error) });
      })
      .then(() => {
        this.looks.delete(key);
        if (look.again && !this.closed) this.look(key);
      });
  }

  private sweepLater(): void {
    if (this.closed) return;
    this.cancelSweep = this.ports.clock.after(this.options.sweep_ms, () => {
      this.ports
        .sweep(() => this.closed)
        .catch((error: unknown) => this.ports.warn('the files were not looked at', { reason: messageOf(error) }))
        .finally(() => this.sweepLater());
    });
  }
}
