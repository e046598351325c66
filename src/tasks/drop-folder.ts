import { createHash } from 'node:crypto';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { canTakePrompts } from '../agents/agent-state.js';
import { Fleet } from '../agents/fleet.js';
import type { TaskFileProblem } from '../contracts/task.js';
import { EventLog } from '../events/event-log.js';
import { EXTERNAL, RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { FolderWatch } from '../shared/folder-watch.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { type Drop, readDrop } from './document/drop.js';
import { isOpen } from './model.js';
import { readTaskFile } from './safe-read.js';
import { TaskBook } from './task-book.js';
import { TasksService } from './tasks.service.js';

/** What is dropped there is whole when it has been left alone for so long. */
const QUIET_MS = 500;
/** A timer may be early, a file's time is coarse. */
const YOUNG_MS = QUIET_MS - 100;
const AT_MOST = 1000;

/**
 * `tasks/inbox/`: a file dropped there becomes a task, once, and then lies in `tasks/inbox/taken/` under the task's id.
 * What cannot be read as a task stays where it is, and what is wrong with it is told.
 */
@Injectable()
export class DropFolder {
  private watch: FolderWatch | undefined;
  private readonly queue = new KeyedQueue();
  private readonly wrong = new Map<string, readonly TaskFileProblem[]>();
  /** Set by wiring. */
  warn: (message: string, fields: object) => void = () => undefined;

  constructor(
    @Inject(TasksService) private readonly tasks: TasksService,
    @Inject(TaskBook) private readonly book: TaskBook,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(Fleet) private readonly fleet: Fleet,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    tasks.dropProblems = () =>
      [...this.wrong].map(([name, problems]) => ({ path: pathOf(name), problems: [...problems] }));
  }

  private get path(): string {
    return join(this.book.path, 'inbox');
  }

  /** Takes what lies there, and from then on what is dropped. */
  async start(): Promise<void> {
    const { path } = this;
    try {
      await mkdir(join(path, 'taken'), { recursive: true });
    } catch (error) {
      this.warn('nothing can be dropped', { path, reason: messageOf(error) });
      return;
    }
    this.watch = new FolderWatch(
      {
        path,
        clock: this.clock,
        keyOf: (name) => (isDrop(name) ? name : undefined),
        look: (name) => this.look(name),
        sweep: (closed) => this.sweep(closed),
        warn: (message, fields) => this.warn(message, fields),
      },
      { quiet_ms: QUIET_MS, at_most_ms: 10 * QUIET_MS },
    );
    await this.watch.start();
    const taken = this.sweep(() => false);
    await taken.catch((error: unknown) =>
      this.warn('what was dropped is not taken yet', { path, reason: messageOf(error) }),
    );
  }

  async close(): Promise<void> {
    await this.watch?.close();
  }

  private async sweep(closed: () => boolean): Promise<void> {
    await mkdir(join(this.path, 'taken'), { recursive: true });
    const names = (await readdir(this.path)).filter(isDrop).slice(0, AT_MOST);
    for (const name of new Set([...names, ...this.wrong.keys()])) if (!closed()) await this.look(name);
  }

  /** A hint and a round may meet at one file: one after the other. */
  private look(name: string): Promise<void> {
    return this.queue.run(name, () => this.take(name));
  }

  private async take(name: string): Promise<void> {
    const read = await readTaskFile(this.path, name);
    if (read.kind === 'missing') return this.tell(name, []);
    if (read.kind === 'refused') return this.tell(name, [{ line: null, message: read.why }]);
    const age_ms = this.clock.now() - read.mtime_ms;
    // Still being written, perhaps: the next hint, or the next round, finds it.
    if (age_ms >= 0 && age_ms < YOUNG_MS) return;
    const found = readDrop(read.text);
    if (!found.ok) return this.tell(name, found.problems);
    try {
      // The same file is the same task, however often Nox dies between the task and the move.
      const key = createHash('sha256').update(`${name}\n${read.mtime_ms}\n${read.text}`).digest('hex');
      const { id } = await this.tasks.create(
        { ...found.drop.task, agent_id: this.agentFor(found.drop) },
        EXTERNAL,
        key,
      );
      await rename(join(this.path, name), join(this.path, 'taken', `${id}.md`));
      await this.tell(name, []);
    } catch (error) {
      if (!(error instanceof NoxError)) throw error;
      await this.tell(name, [{ line: null, message: error.message }]);
    }
  }

  /** Whom it names; else, of those that can work now, or of all, the one with the fewest open tasks. */
  private agentFor({ agent_id }: Drop): string {
    if (agent_id !== undefined) return agent_id;
    const open = Map.groupBy([...this.book.all().values()].filter(isOpen), (task) => task.agent_id);
    const rank = (id: string): number => {
      const awake = this.fleet.has(id) && canTakePrompts(this.fleet.get(id).process_state);
      return (awake ? 0 : 1_000_000) + (open.get(id)?.length ?? 0);
    };
    const [first] = [...this.registry.agents().keys()].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
    if (first === undefined) throw new NoxError('AGENT_NOT_FOUND', 'There is no agent that could do it.');
    return first;
  }

  /** Tells what is wrong with a file, or that nothing is any more, if that is news. */
  private async tell(name: string, problems: readonly TaskFileProblem[]): Promise<void> {
    if (JSON.stringify(this.wrong.get(name) ?? []) === JSON.stringify(problems)) return;
    if (problems.length > 0) this.wrong.set(name, problems);
    else this.wrong.delete(name);
    const file = pathOf(name);
    if (problems.length > 0) await this.events.append('task.file_error', { file, problems: [...problems] });
    else await this.events.append('task.file_ok', { file });
  }
}

const isDrop = (name: string): boolean => /^[^.].*\.md$/.test(name);
const pathOf = (name: string): string => `tasks/inbox/${name}`;
