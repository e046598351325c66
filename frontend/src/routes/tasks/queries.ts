import type { Task } from '@contracts/task.js';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type * as z from 'zod';
import type {
  CreateTask as CreateTaskSchema,
  DelegateTask as DelegateTaskSchema,
  UpdateTask as UpdateTaskSchema,
} from '@contracts/task.js';
import { messageOf } from '../../lib/http.js';
import { keys } from '../../lib/keys.js';
import { putAnswer, putTask, withNewer } from '../../lib/live-cache.js';
import { notify } from '../../lib/notify.js';
import { call } from '../../lib/session.js';

const PAGE = 500;

/** Every task; live events keep the list up to date. */
export function useTasks() {
  const queries = useQueryClient();
  return useQuery({
    queryKey: keys.tasks,
    queryFn: async ({ signal }) => {
      const tasks: Task[] = [];
      for (let page = 1; ; page += 1) {
        const reply = await call('tasks_list', { query: { page, limit: PAGE } }, signal);
        tasks.push(...reply.tasks);
        if (reply.tasks.length === 0 || tasks.length >= reply.pagination.total) break;
      }
      return withNewer(tasks, queries.getQueryData<Task[]>(keys.tasks) ?? []);
    },
    staleTime: Infinity,
  });
}

export function useTaskFile(agent_id: string | undefined) {
  return useQuery({
    queryKey: keys.taskFile(agent_id ?? ''),
    queryFn: ({ signal }) => call('agents_task_file', { params: { id: agent_id ?? '' } }, signal),
    enabled: agent_id !== undefined,
    // Free text that a person edits is no event.
    refetchInterval: 3000,
  });
}

export function useTaskLog(id: string, updated_at: string) {
  return useQuery({
    queryKey: [...keys.tasks, 'log', id, updated_at],
    queryFn: ({ signal }) => call('tasks_log', { params: { id } }, signal),
    placeholderData: (before) => before,
  });
}

export function useFileProblems() {
  return useQuery({
    queryKey: keys.taskProblems,
    queryFn: async ({ signal }) => (await call('tasks_overview', {}, signal)).file_problems,
    staleTime: Infinity,
  });
}

type Status = Task['status'];

/** What moving a card there means. */
export function move(id: string, to: Status): Promise<Task> {
  const params = { id };
  if (to === 'in_progress') return call('tasks_start', { params });
  if (to === 'done') return call('tasks_done', { params });
  if (to === 'cancelled') return call('tasks_cancel', { params, body: {} });
  return call('tasks_update', { params, body: { status: to } });
}

/** Shown at once in its new place, unless it must be proved first; put back when Nox refuses. */
export function useMove() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ task, to }: { task: Task; to: Status }) => move(task.id, to),
    onMutate: ({ task, to }) => {
      const proves = to === 'done' && task.accept.length > 0;
      putTask(queries, proves ? { ...task, proof: 'running' } : { ...task, status: to });
    },
    onSuccess: (task) => putAnswer(queries, task),
    onError: (error, { task }) => {
      putAnswer(queries, task);
      notify.error(`"${task.title}" stays where it was`, messageOf(error));
    },
  });
}

/** Changes what a task says. */
export function useUpdateTask(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: z.input<typeof UpdateTaskSchema>) => call('tasks_update', { params: { id }, body }),
    onSuccess: (task) => putAnswer(queries, task),
  });
}

/** Gives it, or a part of it, to another agent. */
export function useDelegate(id: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: z.input<typeof DelegateTaskSchema>) => call('tasks_delegate', { params: { id }, body }),
    onSuccess: (task) => putAnswer(queries, task),
  });
}

export function useCreateTask() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: z.input<typeof CreateTaskSchema>) => call('tasks_create', { body }),
    onSuccess: (task) => putAnswer(queries, task),
  });
}
