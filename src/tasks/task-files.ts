import { join } from 'node:path';
import type { EventPayload } from '../contracts/event.js';
import type { TaskFile, TaskFileProblem } from '../contracts/task.js';
import type { EventLog } from '../events/event-log.js';
import type { Clock } from '../shared/clock.js';
import { type FileRead, readTaskFile, taskFileNames } from './safe-read.js';

/** How long a file that is cut, emptied or not readable must stay as it is to be believed. */
const TORN_MS = 120;
/** How long an editor may take between removing a file and putting the new one there. */
const GONE_MS = 400;

/** A file is as editors and half-done writes leave it for a moment: to be looked at once more after a while. */
export class Restless extends Error {
  constructor(
    readonly agent_id: string,
    readonly read: FileRead,
  ) {
    super(`tasks/${agent_id}.md is being saved`);
  }

  get wait_ms(): number {
    return this.read.kind === 'missing' ? GONE_MS : TORN_MS;
  }
}

/** The files of the folder: as they were when they were last in step, what is wrong with them, and which are at rest. */
export class TaskFiles {
  readonly path: string;
  private readonly texts = new Map<string, string>();
  private readonly wrong = new Map<string, readonly TaskFileProblem[]>();
  /** What looked torn and was seen to stay so. */
  private readonly rested = new Map<string, FileRead>();

  constructor(
    registry_path: string,
    private readonly events: EventLog,
    private readonly clock: Clock,
  ) {
    this.path = join(registry_path, 'tasks');
  }

  names(): Promise<string[]> {
    return taskFileNames(this.path);
  }

  read(agent_id: string): Promise<FileRead> {
    return readTaskFile(this.path, `${agent_id}.md`);
  }

  /** As `read`. Restless for a file that `looksTorn`, until it was seen to stay so. */
  async readAtRest(agent_id: string, looksTorn: (read: FileRead) => boolean): Promise<FileRead> {
    const read = await this.read(agent_id);
    if (!looksTorn(read)) this.rested.delete(agent_id);
    else if (!same(this.rested.get(agent_id), read)) throw new Restless(agent_id, read);
    return read;
  }

  /** Gives a restless file its time; if it is as it was then, it is believed. */
  async rest({ agent_id, read, wait_ms }: Restless): Promise<void> {
    await new Promise<void>((resolve) => this.clock.after(wait_ms, resolve));
    this.rested.set(agent_id, read);
  }

  /** The text when file and journal were last in step; undefined: never. */
  inStep(agent_id: string): string | undefined {
    return this.texts.get(agent_id);
  }

  setInStep(agent_id: string, text: string): void {
    this.texts.set(agent_id, text);
  }

  problemsOf(agent_id: string): readonly TaskFileProblem[] {
    return this.wrong.get(agent_id) ?? [];
  }

  allProblems(): { agent_id: string; path: string; problems: TaskFileProblem[] }[] {
    return [...this.wrong].map(([agent_id, problems]) => ({
      agent_id,
      path: `tasks/${agent_id}.md`,
      problems: [...problems],
    }));
  }

  /** Tells what is wrong with a file, or that nothing is any more, if that is news. */
  async tellProblems(agent_id: string, problems: readonly TaskFileProblem[]): Promise<void> {
    if (JSON.stringify(this.problemsOf(agent_id)) === JSON.stringify(problems)) return;
    const file = `tasks/${agent_id}.md`;
    if (problems.length > 0) this.wrong.set(agent_id, problems);
    else this.wrong.delete(agent_id);
    const payload: EventPayload<'task.file_error'> = { file, problems: [...problems] };
    if (problems.length > 0) await this.events.append('task.file_error', payload, agent_id);
    else await this.events.append('task.file_ok', { file }, agent_id);
  }

  /** The file as it is; of one that may not be read only why. */
  async view(agent_id: string): Promise<TaskFile> {
    const read = await this.read(agent_id);
    const text = read.kind === 'text' ? read.text : '';
    const problems = read.kind === 'refused' ? [{ line: null, message: read.why }] : [...this.problemsOf(agent_id)];
    return { agent_id, path: `tasks/${agent_id}.md`, text, problems };
  }
}

const same = (a: FileRead | undefined, b: FileRead): boolean =>
  a !== undefined && a.kind === b.kind && (a.kind !== 'text' || b.kind !== 'text' || a.text === b.text);
