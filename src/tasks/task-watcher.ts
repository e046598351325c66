import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../shared/clock.js';
import { FolderWatch, type WatchOptions } from '../shared/folder-watch.js';
import { agentOf, taskFileNames } from './safe-read.js';
import { TaskBook } from './task-book.js';

export type { WatchOptions } from '../shared/folder-watch.js';

/** Tells the book which task files to look at. */
@Injectable()
export class TaskWatcher {
  private watch: FolderWatch | undefined;
  /** Set by wiring. */
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(TaskBook) private readonly book: TaskBook,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Resolves when changes are seen. */
  async start(options: WatchOptions = {}): Promise<void> {
    const { book, clock } = this;
    const ports = {
      path: book.path,
      clock,
      keyOf: agentOf,
      look: (agent_id: string) => book.takeIn(agent_id),
      sweep: (closed: () => boolean) => this.sweep(closed),
      warn: (message: string, fields: object) => this.warn(message, fields),
    };
    this.watch = new FolderWatch(ports, options);
    await this.watch.start();
  }

  async close(): Promise<void> {
    await this.watch?.close();
    await this.book.idle();
  }

  private async sweep(closed: () => boolean): Promise<void> {
    const names = await taskFileNames(this.book.path);
    for (const name of names) if (!closed()) await this.book.takeIn(agentOf(name) ?? '');
  }
}
