import { describe, expect, it } from '@jest/globals';
import type { Task } from '@contracts/task.js';
import { QueryClient } from '@tanstack/react-query';
import { keys } from './keys.js';
import { putAnswer, putTask, withNewer } from './live-cache.js';

const task = (id: string, status: Task['status'], second: number): Task =>
  ({ id, status, updated_at: `2026-11-29T10:00:0${second}.000Z` }) as Task;

describe(putAnswer.name, () => {
  it('does not put an answer over what an event has told since', () => {
    const queries = new QueryClient();
    const shown = () => queries.getQueryData<Task[]>(keys.tasks)?.map(({ status }) => status);
    queries.setQueryData(keys.tasks, [task('t-1', 'todo', 1)]);
    putTask(queries, task('t-1', 'done', 3));
    putAnswer(queries, task('t-1', 'in_progress', 2));
    expect(shown()).toEqual(['done']);
    putAnswer(queries, task('t-1', 'failed', 4));
    expect(shown()).toEqual(['failed']);
  });
});

describe(withNewer.name, () => {
  it('keeps what was told while the list was on its way', () => {
    const answered = [task('t-1', 'todo', 1), task('t-2', 'todo', 5)];
    const known = [task('t-1', 'done', 2), task('t-2', 'todo', 4), task('t-3', 'todo', 6)];
    expect(
      withNewer(answered, known).map(({ id, status, updated_at }) => [id, status, updated_at.slice(17, 19)]),
    ).toEqual([
      ['t-1', 'done', '02'],
      ['t-2', 'todo', '05'],
      ['t-3', 'todo', '06'],
    ]);
  });
});
