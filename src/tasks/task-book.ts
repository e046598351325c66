import { Inject, Injectable } from '@nestjs/common';
import { join } from 'node:path';
import type { EventPayload } from '../contracts/event.js';
import type { Delegation, Evidence, TaskFile, TaskFileProblem } from '../contracts/task.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { StateDb, type Tx } from '../shared/db/state-db.js';
import { newTaskId } from '../shared/ids.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { NoxError } from '../shared/nox-error.js';
import { newTaskFile, withIds } from './document/edit.js';
import { parseTasks, type TaskDocument } from './document/parse.js';
import { adopt, align, ingest, losesTasks } from './ingest.js';
import { blockChanges, type KeptTask, viewOf } from './model.js';
import { agentOf, type FileRead, readTaskFile, taskFileNames } from './safe-read.js';
import { type LogLine, loadTasks, logIn, saveTaskIn } from './task-store.js';

/** How long a file that has lost tasks must stay as it is to be believed. */
const LOSS_MS = 120;
/** How long an editor may take between removing a file and putting the new one there. */
const GONE_MS = 400;
const MAX_ROUNDS = 5;

/** A change that is being made: tasks as they will be, and what is told of them. */
export class Draft {
  readonly changed = new Map<string, KeptTask>();
  readonly lines: LogLine[] = [];
  readonly delegations: { task_id: string; delegation: Delegation }[] = [];
  readonly evidence = new Map<string, Evidence>();

  constructor(
    private readonly base: ReadonlyMap<string, KeptTask>,
    readonly actor: string,
  ) {}

  get(id: string): KeptTask | undefined {
    return this.changed.get(id) ?? this.base.get(id);
  }

  put(task: KeptTask): void {
    this.changed.set(task.id, task);
  }

  log(task_id: string, kind: string, text: string, evidence?: Evidence): void {
    this.lines.push({ task_id, kind, actor: this.actor, text, ...(evidence === undefined ? {} : { evidence }) });
  }

  all(): Map<string, KeptTask> {
    return new Map([...this.base, ...this.changed]);
  }
}

/**
 * The one truth of tasks: their files and the journal, kept in step. Contract: a file that a person has edited is taken
 * in before anything of it is changed; what is acknowledged is in the file and in the journal; a file that cannot be read
 * is left as it is, and what it said before stays in force. Changes happen one after another.
 */
@Injectable()
export class TaskBook {
  private readonly tasks: Map<string, KeptTask>;
  private readonly queue = new KeyedQueue<'book'>();
  /** The files as they were when they were last in step. */
  private readonly texts = new Map<string, string>();
  private readonly problems = new Map<string, readonly TaskFileProblem[]>();
  private readonly folder: string;
  readonly zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  /** Set by whoever schedules: told after each change, before and after. */
  onChanged: (changes: readonly { before: KeptTask | undefined; after: KeptTask; actor: string }[]) => void = () =>
    undefined;

  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    this.folder = join(registry.path, 'tasks');
    this.tasks = new Map(loadTasks(db).map((task) => [task.id, task]));
  }

  get path(): string {
    return this.folder;
  }

  all(): ReadonlyMap<string, KeptTask> {
    return this.tasks;
  }

  /** TASK_NOT_FOUND. */
  get(id: string): KeptTask {
    const task = this.tasks.get(id);
    if (task === undefined) throw new NoxError('TASK_NOT_FOUND', `No task has the id ${id}.`);
    return task;
  }

  view(task: KeptTask): ReturnType<typeof viewOf> {
    return viewOf(task, this.tasks, this.clock.now());
  }

  fileProblems(): { agent_id: string; path: string; problems: TaskFileProblem[] }[] {
    return [...this.problems].map(([agent_id, problems]) => ({
      agent_id,
      path: `tasks/${agent_id}.md`,
      problems: [...problems],
    }));
  }

  /** The file as it is; of one that may not be read only why. */
  async file(agent_id: string): Promise<TaskFile> {
    const read = await readTaskFile(this.folder, `${agent_id}.md`);
    const text = read.kind === 'text' ? read.text : '';
    const refused = read.kind === 'refused' ? [{ line: null, message: read.why }] : undefined;
    const problems = refused ?? [...(this.problems.get(agent_id) ?? [])];
    return { agent_id, path: `tasks/${agent_id}.md`, text, problems };
  }

  /** After a start: every file is taken in; one that is gone altogether is written anew. */
  async start(): Promise<void> {
    const owners = new Set([...this.tasks.values()].filter((task) => task.in_file).map((task) => task.agent_id));
    for (const name of await taskFileNames(this.folder)) {
      const agent_id = agentOf(name) ?? '';
      owners.delete(agent_id);
      await this.takeIn(agent_id);
    }
    for (const agent_id of owners) await this.queue.run('book', () => this.settle(this.draft('nox'), [agent_id]));
  }

  /** Takes in what a person has done to a file. Resolves when API and events have it, or its problem. */
  takeIn(agent_id: string): Promise<void> {
    return this.queue.run('book', async () => {
      await this.refresh(agent_id);
    });
  }

  /**
   * Changes tasks of these agents. TASK_FILE_INVALID when one of their files cannot be read: then nothing is changed.
   * `decide` may be run again when an editor saved a file meanwhile.
   */
  change<T>(agents: readonly string[], actor: string, decide: (draft: Draft) => T): Promise<T> {
    return this.queue.run('book', async () => {
      for (let round = 1; ; round += 1) {
        for (const agent_id of new Set(agents)) {
          if (await this.refresh(agent_id)) continue;
          const [problem] = this.problems.get(agent_id) ?? [];
          const where = problem?.line == null ? '' : ` line ${problem.line}:`;
          throw new NoxError(
            'TASK_FILE_INVALID',
            `tasks/${agent_id}.md${where} ${problem?.message ?? 'cannot be read'}.`,
            {
              problems: this.problems.get(agent_id),
            },
          );
        }
        const draft = this.draft(actor);
        const result = decide(draft);
        if (await this.settle(draft, [])) return result;
        if (round === MAX_ROUNDS) throw new NoxError('INVALID_STATE', 'The task file is being saved again and again.');
      }
    });
  }

  /** Resolves when what was begun has ended. */
  idle(): Promise<void> {
    return this.queue.idle();
  }

  private draft(actor: string): Draft {
    return new Draft(this.tasks, actor);
  }

  /** Brings tasks in step with the file. False when it cannot be read. */
  private async refresh(agent_id: string): Promise<boolean> {
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const read = await this.readSettled(agent_id);
      if (read.kind === 'refused') return this.tellProblems(agent_id, [{ line: null, message: read.why }]);
      const text = read.kind === 'text' ? read.text : '';
      if (this.texts.get(agent_id) === text && !this.problems.has(agent_id)) return true;
      if (read.kind === 'missing' && !this.texts.has(agent_id)) return this.tellProblems(agent_id, []);
      const parsed = parseTasks(text, this.zone);
      if (!parsed.ok) return this.tellProblems(agent_id, parsed.problems);
      const whole = this.withNewIds(parsed.document);
      for (const { id } of whole.tasks) await this.letGo(id, agent_id);
      const { changed, problems } = ingest(whole, agent_id, this.tasks, this.clock.now());
      if (problems.length > 0) return this.tellProblems(agent_id, problems);
      const draft = this.draft('external');
      for (const task of changed) draft.put(task);
      const base = new Map([[agent_id, { found: text, document: whole }]]);
      if (!(await this.settle(draft, [agent_id], base))) continue;
      await this.tellProblems(agent_id, []);
      return true;
    }
    return false;
  }

  /** A line that was moved here from another agent's file leaves that one first. */
  private async letGo(id: string | null, agent_id: string): Promise<void> {
    const task = id === null ? undefined : this.tasks.get(id);
    if (task === undefined || !task.in_file || task.agent_id === agent_id) return;
    const read = await readTaskFile(this.folder, `${task.agent_id}.md`);
    if (read.kind !== 'text' || read.text === this.texts.get(task.agent_id)) return;
    const parsed = parseTasks(read.text, this.zone);
    if (parsed.ok && !parsed.document.tasks.some((entry) => entry.id === id))
      this.tasks.set(task.id, { ...task, in_file: false });
  }

  private withNewIds(document: TaskDocument): TaskDocument {
    if (document.tasks.every(({ id }) => id !== null)) return document;
    const parsed = parseTasks(
      withIds(document, () => this.freshId()),
      this.zone,
    );
    if (!parsed.ok) throw new Error('a file with ids can be read');
    return parsed.document;
  }

  /** An id that no task has ever had here. */
  freshId(): string {
    for (;;) {
      const id = newTaskId();
      if (!this.tasks.has(id)) return id;
    }
  }

  /** Reads until a file that was emptied, cut or removed stays so: editors and half-done writes pass through that. */
  private async readSettled(agent_id: string): Promise<FileRead> {
    const name = `${agent_id}.md`;
    let read = await readTaskFile(this.folder, name);
    for (let round = 0; round < MAX_ROUNDS && this.looksTorn(agent_id, read); round += 1) {
      await new Promise<void>((resolve) => this.clock.after(read.kind === 'missing' ? GONE_MS : LOSS_MS, resolve));
      const again = await readTaskFile(this.folder, name);
      const stays =
        again.kind === read.kind && (again.kind !== 'text' || read.kind !== 'text' || again.text === read.text);
      read = again;
      if (stays) break;
    }
    return read;
  }

  private looksTorn(agent_id: string, read: FileRead): boolean {
    if (read.kind === 'refused') return false;
    if (read.kind === 'missing') return this.texts.has(agent_id);
    if (this.texts.get(agent_id) === read.text) return false;
    const parsed = parseTasks(read.text, this.zone);
    return !parsed.ok || losesTasks(parsed.document, agent_id, this.tasks);
  }

  /** Writes the files and the journal. False when an editor has saved one of the files meanwhile. */
  private async settle(
    draft: Draft,
    agents: readonly string[],
    given: ReadonlyMap<string, { found: string; document: TaskDocument }> = new Map(),
  ): Promise<boolean> {
    const now = this.clock.iso();
    for (const { id, status, reason } of blockChanges(draft.all())) {
      const task = draft.get(id);
      // What a broken file says stays in force until it is mended.
      if (task !== undefined && !this.problems.has(task.agent_id))
        draft.put({ ...task, status, reason, updated_at: now });
    }
    const touched = new Set(agents);
    for (const [id, task] of draft.changed) {
      touched.add(task.agent_id);
      const before = this.tasks.get(id);
      if (before !== undefined) touched.add(before.agent_id);
    }
    const writes = new Map<string, string>();
    const found = new Map<string, string>();
    for (const agent_id of touched) {
      const base = given.get(agent_id);
      const read = base === undefined ? await readTaskFile(this.folder, `${agent_id}.md`) : undefined;
      if (read?.kind === 'refused') continue;
      const before = base?.found ?? (read?.kind === 'text' ? read.text : '');
      if (base === undefined && before !== (this.texts.get(agent_id) ?? '') && !agents.includes(agent_id)) {
        if (this.problems.has(agent_id)) continue;
        // Edited, and not yet taken in: first that, then this change.
        await this.refresh(agent_id);
        return false;
      }
      const text = this.textOf(agent_id, before, draft, base?.document);
      found.set(agent_id, text);
      if (text !== before) writes.set(agent_id, text);
      else if (base !== undefined && this.texts.get(agent_id) !== text) this.registry.record.noteTaskFile(agent_id);
    }
    for (const agent_id of writes.keys()) {
      const read = await readTaskFile(this.folder, `${agent_id}.md`);
      const now_text = read.kind === 'text' ? read.text : '';
      if (now_text !== (given.get(agent_id)?.found ?? this.texts.get(agent_id) ?? '')) return false;
    }
    if (writes.size > 0) await this.registry.record.writeTaskFiles(writes);
    for (const [agent_id, text] of found) this.texts.set(agent_id, text);
    await this.store(draft);
    return true;
  }

  /** The file with the tasks as the draft has them; the draft then has them as the file says it. */
  private textOf(agent_id: string, before: string, draft: Draft, document?: TaskDocument): string {
    const start = before === '' ? newTaskFile(agent_id, this.zone) : before;
    const own = [...draft.all().values()].filter((task) => task.agent_id === agent_id);
    const leaving = [...draft.changed.values()]
      .filter((task) => task.agent_id !== agent_id && this.tasks.get(task.id)?.agent_id === agent_id)
      .map((task) => ({ ...task, in_file: false }));
    const present = own.filter((task) => task.in_file || draft.changed.has(task.id));
    if (before === '' && present.every((task) => !task.in_file)) return before;
    const base =
      document === undefined ? start : document.bom + document.lines.map((line) => line.text + line.eol).join('');
    const text = align(base, this.zone, [...leaving, ...present]);
    const parsed = parseTasks(text, this.zone);
    if (!parsed.ok)
      throw new NoxError('VALIDATION_ERROR', `The task cannot be written: ${parsed.problems[0]?.message ?? ''}.`);
    for (const entry of parsed.document.tasks) {
      const task = draft.get(entry.id ?? '');
      if (task !== undefined && draft.changed.has(task.id)) draft.put(adopt(task, entry));
    }
    return text;
  }

  private async store(draft: Draft): Promise<void> {
    const changes = [...draft.changed.values()].map((after) => ({
      before: this.tasks.get(after.id),
      after,
      actor: draft.actor,
    }));
    if (changes.length === 0 && draft.lines.length === 0) return;
    await this.db.write((tx) => {
      const at_ms = this.clock.now();
      for (const { after } of changes) saveTaskIn(tx, after);
      for (const line of draft.lines) logIn(tx, line, at_ms);
      const all = draft.all();
      for (const { before, after } of changes) this.tell(tx, before, after, draft, all);
      tx.afterCommit(() => {
        for (const { after } of changes) this.tasks.set(after.id, after);
      });
    });
    this.onChanged(changes);
  }

  private tell(
    tx: Tx,
    before: KeptTask | undefined,
    after: KeptTask,
    draft: Draft,
    all: ReadonlyMap<string, KeptTask>,
  ): void {
    const { actor } = draft;
    const at_ms = this.clock.now();
    const payload = { task: viewOf(after, all, at_ms), actor };
    const { agent_id, id } = after;
    const log = (kind: string, text: string): void => logIn(tx, { task_id: id, kind, actor, text }, at_ms);
    if (before === undefined) {
      this.events.appendIn(tx, 'task.created', payload, agent_id);
      log('created', after.title);
      return;
    }
    const fields = FIELDS.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
    if (fields.length > 0) {
      this.events.appendIn(tx, 'task.updated', { ...payload, fields }, agent_id);
      log('updated', fields.join(', '));
    }
    if (before.status !== after.status) {
      this.events.appendIn(tx, 'task.status_changed', { ...payload, previous: before.status }, agent_id);
      log('status', `${before.status} → ${after.status}${after.reason === null ? '' : `: ${after.reason}`}`);
    }
    if (before.progress !== after.progress) this.events.appendIn(tx, 'task.progress', payload, agent_id);
    if (before.proof !== 'running' && after.proof === 'running')
      this.events.appendIn(tx, 'task.accepting', payload, agent_id);
    if (before.overdue_told !== after.overdue_told && after.overdue_told !== null)
      this.events.appendIn(tx, 'task.overdue', payload, agent_id);
    const evidence = draft.evidence.get(id);
    if (evidence !== undefined) this.events.appendIn(tx, 'task.evidence', { ...payload, evidence }, agent_id);
    for (const { task_id, delegation } of draft.delegations)
      if (task_id === id) this.events.appendIn(tx, 'task.delegated', { ...payload, delegation }, agent_id);
  }

  /** Always the opposite of "it is well": for callers that end with it. */
  private async tellProblems(agent_id: string, problems: readonly TaskFileProblem[]): Promise<boolean> {
    const known = this.problems.get(agent_id) ?? [];
    if (JSON.stringify(known) !== JSON.stringify(problems)) {
      const file = `tasks/${agent_id}.md`;
      if (problems.length > 0) this.problems.set(agent_id, problems);
      else this.problems.delete(agent_id);
      const payload: EventPayload<'task.file_error'> = { file, problems: [...problems] };
      if (problems.length > 0) await this.events.append('task.file_error', payload, agent_id);
      else await this.events.append('task.file_ok', { file }, agent_id);
    }
    return problems.length === 0;
  }
}

/** What a change of is told as `task.updated`. */
const FIELDS = [
  'agent_id',
  'title',
  'description',
  'priority',
  'deadline',
  'dependencies',
  'accept',
  'from_agent',
  'held',
  'result',
  'delegations',
] as const satisfies readonly (keyof KeptTask)[];
