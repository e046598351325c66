import { Inject, Injectable } from '@nestjs/common';
import type { Actor } from '../contracts/auth.js';
import type { ImportedTask } from '../contracts/registry-transfer.js';
import { type GivenTasks, type TaskPlan, TaskTransfer } from '../registry/time/task-transfer.js';
import { Clock } from '../shared/clock.js';
import { NoxError } from '../shared/nox-error.js';
import { parseTasks, type TaskDocument } from './document/parse.js';
import { ingest } from './ingest.js';
import type { KeptTask } from './model.js';
import { TaskBook } from './task-book.js';

type Tasks = ReadonlyMap<string, KeptTask>;

/** What of a task a file can say. */
const SAID = ['title', 'status', 'description', 'priority', 'deadline', 'dependencies', 'accept', 'progress'] as const;

/** What is to be put into the book. */
interface Merged extends TaskPlan {
  readonly changed: readonly KeptTask[];
}

/**
 * Tasks of another registry into this one: what its files have and these lack is added, nothing is taken away. A task that
 * both have, each in its own way, is a conflict; a command that Nox would run for one needs a word of its own.
 */
@Injectable()
export class TaskImports extends TaskTransfer {
  constructor(
    @Inject(TaskBook) private readonly book: TaskBook,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    super();
  }

  async plan(given: GivenTasks): Promise<TaskPlan> {
    for (const agent_id of given.texts.keys()) await this.book.takeIn(agent_id);
    return this.merged(given, this.book.all());
  }

  async carryOut(given: GivenTasks, actor: Actor): Promise<readonly ImportedTask[]> {
    return this.book.change([...given.texts.keys()], actor.name, (draft) => {
      const { changed, conflicts, security, tasks } = this.merged(given, draft.all());
      if (conflicts.length > 0)
        throw new NoxError('MERGE_CONFLICT', 'A task was changed meanwhile, and differs. Look at it once more.', {
          conflicts,
        });
      if (security.length > 0 && !given.accept) throw new NoxError('CONFIRMATION_REQUIRED', undefined, { security });
      for (const task of changed) draft.put(task);
      return tasks;
    });
  }

  private merged(given: GivenTasks, tasks: Tasks): Merged {
    const parts = [...given.texts].map(([agent_id, text]) => this.mergeFile(agent_id, text, given.prefer, tasks));
    return {
      changed: parts.flatMap((part) => part.changed),
      conflicts: parts.flatMap((part) => part.conflicts),
      security: parts.flatMap((part) => part.security),
      tasks: parts.flatMap((part) => part.tasks),
    };
  }

  private mergeFile(agent_id: string, text: string, prefer: GivenTasks['prefer'], tasks: Tasks): Merged {
    const file = `tasks/${agent_id}.md`;
    const parsed = parseTasks(text, this.book.zone);
    if (!parsed.ok) throw refused(file, parsed.problems);
    const without_id = new Set(parsed.document.tasks.flatMap(({ id, title }) => (id === null ? [title] : [])));
    const document = this.named(parsed.document, agent_id, tasks);
    const here = new Set(document.tasks.map(({ id }) => id));
    // What the file does not name stays: to `ingest` it is not there.
    const known = new Map(
      [...tasks].map(([id, task]) => [
        id,
        task.agent_id === agent_id && !here.has(id) ? { ...task, in_file: false } : task,
      ]),
    );
    const { changed: all, problems } = ingest(document, agent_id, known, this.clock.now());
    if (problems.length > 0) throw refused(file, problems);
    const both = (task: KeptTask): KeptTask | undefined => {
      const mine = tasks.get(task.id);
      return mine?.in_file === true ? mine : undefined;
    };
    const changed = all.filter((task) => {
      const mine = both(task);
      return mine === undefined || (prefer !== 'ours' && differences(mine, task).length > 0);
    });
    const conflicts = changed.flatMap((task) => {
      const mine = both(task);
      if (mine === undefined || prefer !== undefined) return [];
      return [{ file, key: task.id, base: null, ...differing(mine, task) }];
    });
    const security = changed.flatMap((task) => {
      const before = both(task)?.accept ?? [];
      if (task.accept.length === 0 || JSON.stringify(before) === JSON.stringify(task.accept)) return [];
      const key = `${without_id.has(task.title) ? task.title : task.id}.accept`;
      return [{ file, key, before: before.length === 0 ? null : before, after: task.accept }];
    });
    const view = changed.map((task): ImportedTask => {
      const id = without_id.has(task.title) ? null : task.id;
      return { agent_id, id, title: task.title, change: both(task) === undefined ? 'added' : 'changed' };
    });
    return { changed, conflicts, security, tasks: view };
  }

  /** Each task with an id; one without that is here under the same title is this one. */
  private named(document: TaskDocument, agent_id: string, tasks: Tasks): TaskDocument {
    const titles = new Set(
      [...tasks.values()].filter((task) => task.agent_id === agent_id && task.in_file).map(({ title }) => title),
    );
    const wanted = document.tasks.filter(({ id, title }) => id !== null || !titles.has(title));
    return { ...document, tasks: wanted.map((entry) => ({ ...entry, id: entry.id ?? this.book.freshId() })) };
  }
}

/** What a file says of one and not of the other; which of them waits for others, Nox decides here. */
function differences(ours: KeptTask, theirs: KeptTask): (typeof SAID)[number][] {
  const waits = ({ status }: KeptTask): boolean => status === 'todo' || status === 'blocked';
  return SAID.filter((key) => {
    if (key === 'status' && waits(ours) && waits(theirs)) return false;
    return JSON.stringify(ours[key]) !== JSON.stringify(theirs[key]);
  });
}

/** What each side says where they differ. */
function differing(ours: KeptTask, theirs: KeptTask): { ours: object; theirs: object } {
  const keys = differences(ours, theirs);
  const pick = (task: KeptTask): object => Object.fromEntries(keys.map((key) => [key, task[key]]));
  return { ours: pick(ours), theirs: pick(theirs) };
}

function refused(
  file: string,
  problems: readonly { readonly line: number | null; readonly message: string }[],
): NoxError {
  const fields = problems.map(({ line, message }) => ({ field: line === null ? file : `${file}:${line}`, message }));
  const [first] = fields;
  return new NoxError('VALIDATION_ERROR', `Not imported: ${first?.field ?? file} ${first?.message ?? ''}`, fields);
}
