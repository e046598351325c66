import { Inject, Injectable } from '@nestjs/common';
import { type FSWatcher, watch } from 'chokidar';
import { mkdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { Clock } from '../shared/clock.js';
import { messageOf } from '../shared/nox-error.js';
import { agentOf, taskFileNames } from './safe-read.js';
import { TaskBook } from './task-book.js';

export interface WatchOptions {
  readonly backend?: 'native' | 'polling';
  /** How long a file must be left alone before it is looked at. */
  readonly quiet_ms?: number;
  /** A file that is never left alone is looked at after this. */
  readonly at_most_ms?: number;
  /** How often everything is looked at, whatever the system has told. */
  readonly sweep_ms?: number;
}

interface Restless {
  cancel: () => void;
  readonly since_ms: number;
}

/**
 * Tells the book which files to look at. What the system says is a hint only: what counts is what is found when the file
 * is read, so events that are lost, doubled or about Nox's own writes do no harm.
 */
@Injectable()
export class TaskWatcher {
  private watcher: FSWatcher | undefined;
  private readonly restless = new Map<string, Restless>();
  private cancelSweep: () => void = () => undefined;
  private options: Required<WatchOptions> = { backend: 'native', quiet_ms: 40, at_most_ms: 400, sweep_ms: 10_000 };
  private closed = false;
  /** Set by wiring. */
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(TaskBook) private readonly book: TaskBook,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Resolves when changes are seen. */
  async start(options: WatchOptions = {}): Promise<void> {
    this.options = { ...this.options, ...options };
    await mkdir(this.book.path, { recursive: true });
    const watcher = watch(this.book.path, {
      depth: 0,
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      backend: this.options.backend,
      pollingInterval: 50,
    });
    this.watcher = watcher;
    watcher.on('all', (_, path) => this.hint(basename(path)));
    watcher.on('error', (error) => this.warn('the watch on task files failed', { reason: messageOf(error) }));
    await new Promise<void>((resolve) => watcher.once('ready', resolve));
    this.sweepLater();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.cancelSweep();
    for (const { cancel } of this.restless.values()) cancel();
    this.restless.clear();
    await this.watcher?.close();
    await this.book.idle();
  }

  private hint(name: string): void {
    const agent_id = agentOf(name);
    if (agent_id === undefined || this.closed) return;
    const known = this.restless.get(agent_id);
    known?.cancel();
    const since_ms = known?.since_ms ?? this.clock.now();
    const left_ms = Math.max(0, since_ms + this.options.at_most_ms - this.clock.now());
    const cancel = this.clock.after(Math.min(this.options.quiet_ms, left_ms), () => {
      this.restless.delete(agent_id);
      this.takeIn(agent_id);
    });
    this.restless.set(agent_id, { cancel, since_ms });
  }

  private takeIn(agent_id: string): void {
    this.book.takeIn(agent_id).catch((error: unknown) => {
      this.warn('a task file was not taken in; it is looked at again', { agent_id, reason: messageOf(error) });
    });
  }

  private sweepLater(): void {
    if (this.closed) return;
    this.cancelSweep = this.clock.after(this.options.sweep_ms, () => {
      this.sweep()
        .catch((error: unknown) => this.warn('the task files were not looked at', { reason: messageOf(error) }))
        .finally(() => this.sweepLater());
    });
  }

  private async sweep(): Promise<void> {
    const names = await taskFileNames(this.book.path);
    for (const name of names) if (!this.closed) await this.book.takeIn(agentOf(name) ?? '');
  }
}
