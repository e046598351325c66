import { Inject, Injectable } from '@nestjs/common';
import type { Task } from '../contracts/task.js';
import { EventLog } from '../events/event-log.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import type { SseStream } from '../shared/http/sse.js';
import { isOpen } from './model.js';
import { TaskBook } from './task-book.js';
import { readLog } from './task-store.js';

/** The log of a task as it is written: what there is, what comes, and the task as it is when it has ended. */
@Injectable()
export class LogFollower {
  constructor(
    @Inject(TaskBook) private readonly book: TaskBook,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** `after` is the id of the last entry that a reader has, as its `Last-Event-ID` says. */
  follow(id: string, after: string | string[] | undefined, stream: SseStream): void {
    const wanted = Number(after);
    let last = Number.isSafeInteger(wanted) ? wanted : 0;
    const show = (task: Task): void => {
      for (const entry of readLog(this.db, this.clock, id).entries) {
        if (entry.id <= last) continue;
        last = entry.id;
        stream.send({ event: 'log', id: entry.id, data: entry });
      }
      if (isOpen(task)) return;
      stream.send({ event: 'end', data: task });
      stream.close();
    };
    stream.onClose(
      this.events.subscribe((event) => {
        if ('task' in event.payload && event.payload.task.id === id) show(event.payload.task);
      }),
    );
    show(this.book.view(this.book.get(id)));
  }
}
