import { Inject, Injectable } from '@nestjs/common';
import type { TaskFile, TaskFileProblem } from '../contracts/task.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { newTaskId } from '../shared/ids.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { NoxError } from '../shared/nox-error.js';
import { parseTasks, type TaskDocument } from './document/parse.js';
import { Draft } from './draft.js';
import { ingest, losesTasks } from './ingest.js';
import { blockChanges, type KeptTask, viewOf } from './model.js';
import { agentOf, type FileRead } from './safe-read.js';
import { Restless, TaskFiles } from './task-files.js';
import { type TaskChange, tellIn } from './task-news.js';
import { loadTasks, logIn, saveTaskIn } from './task-store.js';
import { withNewIds, writeInto } from './write-out.js';

const MAX_ROUNDS = 5;

/**
 * The one truth of tasks: their files and the journal, kept in step. Contract: a file that a person has edited is taken
 * in before anything of it is changed; what is acknowledged is in the file and in the journal; a file that cannot be read
 * is left as it is, and what it said before stays in force. Changes happen one after another; a file that is being saved
 * is waited for by those alone who need it.
 */
@Injectable()
export class TaskBook {
  private readonly tasks: Map<string, KeptTask>;
  private readonly queue = new KeyedQueue<'book'>();
  private readonly under_way = new Set<Promise<unknown>>();
  private readonly files: TaskFiles;
  readonly zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  /** Set by whoever schedules: told after each change, before and after. */
  onChanged: (changes: readonly TaskChange[]) => void = () => undefined;

  constructor(
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    this.files = new TaskFiles(registry.path, events, clock);
    this.tasks = new Map(loadTasks(db).map((task) => [task.id, task]));
  }

  get path(): string {
    return this.files.path;
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
    return this.files.allProblems();
  }

  /** The file as it is; of one that may not be read only why. */
  file(agent_id: string): Promise<TaskFile> {
    return this.files.view(agent_id);
  }

  /** After a start: every file is taken in; one that is gone altogether is written anew. */
  async start(): Promise<void> {
    const owners = new Set([...this.tasks.values()].filter((task) => task.in_file).map((task) => task.agent_id));
    for (const name of await this.files.names()) {
      const agent_id = agentOf(name) ?? '';
      owners.delete(agent_id);
      await this.takeIn(agent_id);
    }
    for (const agent_id of owners)
      await this.inTurn(
        () => this.settle(this.draft('nox'), [agent_id]),
        () => false,
      );
  }

  /** Takes in what a person has done to a file. Resolves when API and events have it, or its problem. */
  takeIn(agent_id: string): Promise<void> {
    return this.inTurn(
      async () => void (await this.refresh(agent_id)),
      () => this.files.tellProblems(agent_id, [{ line: null, message: 'is being saved again and again' }]),
    );
  }

  /**
   * Changes tasks of these agents. TASK_FILE_INVALID when one of their files cannot be read: then nothing is changed.
   * `decide` may be run again when an editor saved a file meanwhile.
   */
  change<T>(agents: readonly string[], actor: string, decide: (draft: Draft) => T): Promise<T> {
    const again = (): never => {
      throw new NoxError('INVALID_STATE', 'The task file is being saved again and again.');
    };
    const attempt = async (): Promise<T> => {
      for (let round = 1; round <= MAX_ROUNDS; round += 1) {
        for (const agent_id of new Set(agents)) if (!(await this.refresh(agent_id))) this.refuse(agent_id);
        const draft = this.draft(actor);
        const result = decide(draft);
        if (await this.settle(draft, [])) return result;
      }
      return again();
    };
    return this.inTurn(attempt, again);
  }

  /** Resolves when what was begun has ended. */
  async idle(): Promise<void> {
    while (this.under_way.size > 0) await Promise.allSettled(this.under_way);
  }

  /** Does the work when it is its turn; from a file that is restless it steps back, and tries again when that has had its time. */
  private inTurn<T>(work: () => Promise<T>, give_up: () => T | Promise<T>): Promise<T> {
    const attempts = async (): Promise<T> => {
      for (let round = 1; round <= MAX_ROUNDS; round += 1) {
        try {
          return await this.queue.run('book', work);
        } catch (error) {
          if (!(error instanceof Restless)) throw error;
          await this.files.rest(error);
        }
      }
      return this.queue.run('book', async () => give_up());
    };
    const result = attempts();
    this.under_way.add(result);
    const ended = (): void => void this.under_way.delete(result);
    result.then(ended, ended);
    return result;
  }

  private refuse(agent_id: string): never {
    const problems = this.files.problemsOf(agent_id);
    const [problem] = problems;
    const where = problem?.line == null ? '' : ` line ${problem.line}:`;
    const message = `tasks/${agent_id}.md${where} ${problem?.message ?? 'cannot be read'}.`;
    throw new NoxError('TASK_FILE_INVALID', message, { problems });
  }

  private draft(actor: string): Draft {
    return new Draft(this.tasks, actor);
  }

  /** Brings tasks in step with the file. False when it cannot be read. Restless when it must be given time first. */
  private async refresh(agent_id: string): Promise<boolean> {
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const read = await this.files.readAtRest(agent_id, (each) => this.looksTorn(agent_id, each));
      const problems = await this.ingestFile(agent_id, read);
      if (problems === undefined) continue;
      await this.files.tellProblems(agent_id, problems);
      return problems.length === 0;
    }
    return false;
  }

  /** What is wrong with the file; undefined when it was saved anew meanwhile. */
  private async ingestFile(agent_id: string, read: FileRead): Promise<readonly TaskFileProblem[] | undefined> {
    if (read.kind === 'refused') return [{ line: null, message: read.why }];
    const known = this.files.inStep(agent_id);
    const text = read.kind === 'text' ? read.text : '';
    if (known === text && this.files.problemsOf(agent_id).length === 0) return [];
    if (read.kind === 'missing' && known === undefined) return [];
    const parsed = parseTasks(text, this.zone);
    if (!parsed.ok) return parsed.problems;
    const whole = withNewIds(parsed.document, this.zone, () => this.freshId());
    for (const { id } of whole.tasks) await this.letGo(id, agent_id);
    const { changed, problems } = ingest(whole, agent_id, this.tasks, this.clock.now());
    if (problems.length > 0) return problems;
    const draft = this.draft('external');
    for (const task of changed) draft.put(task);
    const base = new Map([[agent_id, { found: text, document: whole }]]);
    return (await this.settle(draft, [agent_id], base)) ? [] : undefined;
  }

  /** A line that was moved here from another agent's file leaves that one first. */
  private async letGo(id: string | null, agent_id: string): Promise<void> {
    const task = id === null ? undefined : this.tasks.get(id);
    if (task === undefined || !task.in_file || task.agent_id === agent_id) return;
    const read = await this.files.read(task.agent_id);
    if (read.kind !== 'text' || read.text === this.files.inStep(task.agent_id)) return;
    const parsed = parseTasks(read.text, this.zone);
    if (parsed.ok && !parsed.document.tasks.some((entry) => entry.id === id))
      this.tasks.set(task.id, { ...task, in_file: false });
  }

  /** An id that no task has ever had here. */
  freshId(): string {
    for (;;) {
      const id = newTaskId();
      if (!this.tasks.has(id)) return id;
    }
  }

  private looksTorn(agent_id: string, read: FileRead): boolean {
    if (read.kind === 'refused') return false;
    const known = this.files.inStep(agent_id) ?? '';
    if (read.kind === 'missing') return known !== '';
    if (known === read.text) return false;
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
      if (task !== undefined && this.files.problemsOf(task.agent_id).length === 0)
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
      const read = base === undefined ? await this.files.read(agent_id) : undefined;
      if (read?.kind === 'refused') continue;
      const before = base?.found ?? (read?.kind === 'text' ? read.text : '');
      if (base === undefined && before !== (this.files.inStep(agent_id) ?? '') && !agents.includes(agent_id)) {
        if (this.files.problemsOf(agent_id).length > 0) continue;
        // Edited, and not yet taken in: first that, then this change.
        await this.refresh(agent_id);
        return false;
      }
      const text = writeInto({ agent_id, before, document: base?.document, zone: this.zone }, draft, this.tasks);
      found.set(agent_id, text);
      if (text !== before) writes.set(agent_id, text);
      else if (base !== undefined && this.files.inStep(agent_id) !== text) this.registry.record.noteTaskFile(agent_id);
    }
    for (const agent_id of writes.keys()) {
      const read = await this.files.read(agent_id);
      const now_text = read.kind === 'text' ? read.text : '';
      if (now_text !== (given.get(agent_id)?.found ?? this.files.inStep(agent_id) ?? '')) return false;
    }
    if (writes.size > 0) await this.registry.record.writeTaskFiles(writes);
    // Not before the journal has it: what that refuses is taken in from the file again.
    await this.store(draft);
    for (const [agent_id, text] of found) this.files.setInStep(agent_id, text);
    return true;
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
      for (const change of changes) tellIn(tx, this.events, change, draft, at_ms);
      tx.afterCommit(() => {
        for (const { after } of changes) this.tasks.set(after.id, after);
      });
    });
    this.onChanged(changes);
  }
}
