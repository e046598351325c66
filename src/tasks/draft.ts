import type { Delegation, Evidence } from '../contracts/task.js';
import type { KeptTask } from './model.js';
import type { LogLine } from './task-store.js';

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
