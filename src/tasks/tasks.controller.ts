import { Controller, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput, RouteReply } from '../contracts/routes.js';
import type { PriorityAnswer, Task, TaskFile, TaskLog, TaskOverview } from '../contracts/task.js';
import { Actor, Input, type NoxRequest, Route } from '../shared/http/route.js';
import { openSse } from '../shared/http/sse.js';
import { LogFollower } from './log-follower.js';
import { TasksService } from './tasks.service.js';

@Controller()
export class TasksController {
  constructor(
    @Inject(TasksService) private readonly tasks: TasksService,
    @Inject(LogFollower) private readonly follower: LogFollower,
  ) {}

  @Route('tasks_overview')
  overview(): TaskOverview {
    return this.tasks.overview();
  }

  @Route('tasks_list')
  list(@Input('tasks_list') { query }: RouteInput<'tasks_list'>): RouteReply<'tasks_list'> {
    return this.tasks.list(query);
  }

  @Route('tasks_create')
  create(@Input('tasks_create') { body }: RouteInput<'tasks_create'>, @Actor() actor: ActorType): Promise<Task> {
    return this.tasks.create(body, actor);
  }

  @Route('tasks_get')
  get(@Input('tasks_get') { params }: RouteInput<'tasks_get'>): Task {
    return this.tasks.get(params.id);
  }

  @Route('tasks_update')
  update(
    @Input('tasks_update') { params, body }: RouteInput<'tasks_update'>,
    @Actor() actor: ActorType,
  ): Promise<Task> {
    return this.tasks.update(params.id, body, actor);
  }

  @Route('tasks_delete')
  remove(@Input('tasks_delete') { params }: RouteInput<'tasks_delete'>, @Actor() actor: ActorType): Promise<Task> {
    return this.tasks.remove(params.id, actor);
  }

  @Route('tasks_start')
  start(@Input('tasks_start') { params }: RouteInput<'tasks_start'>, @Actor() actor: ActorType): Promise<Task> {
    return this.tasks.start(params.id, actor);
  }

  @Route('tasks_done')
  done(@Input('tasks_done') { params }: RouteInput<'tasks_done'>, @Actor() actor: ActorType): Promise<Task> {
    return this.tasks.done(params.id, actor);
  }

  @Route('tasks_cancel')
  cancel(
    @Input('tasks_cancel') { params, body }: RouteInput<'tasks_cancel'>,
    @Actor() actor: ActorType,
  ): Promise<Task> {
    return this.tasks.cancel(params.id, body.reason, actor);
  }

  @Route('tasks_delegate')
  delegate(
    @Input('tasks_delegate') { params, body }: RouteInput<'tasks_delegate'>,
    @Actor() actor: ActorType,
  ): Promise<Task> {
    return this.tasks.delegate(params.id, body, actor);
  }

  @Route('tasks_priority_request')
  requestPriority(
    @Input('tasks_priority_request') { params, body }: RouteInput<'tasks_priority_request'>,
    @Actor() actor: ActorType,
  ): Promise<PriorityAnswer> {
    return this.tasks.requestPriority(params.id, body, actor);
  }

  @Route('tasks_log')
  log(
    @Input('tasks_log') { params, query }: RouteInput<'tasks_log'>,
    @Req() request: NoxRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): TaskLog | undefined {
    const log = this.tasks.log(params.id);
    if (!query.follow && !(request.headers.accept ?? '').includes('text/event-stream')) return log;
    this.follower.follow(params.id, request.headers['last-event-id'], openSse(request, reply));
    return undefined;
  }

  @Route('agents_tasks')
  ofAgent(@Input('agents_tasks') { params, query }: RouteInput<'agents_tasks'>): RouteReply<'agents_tasks'> {
    return this.tasks.ofAgent(params.id, query);
  }

  @Route('agents_task_file')
  file(@Input('agents_task_file') { params }: RouteInput<'agents_task_file'>): Promise<TaskFile> {
    return this.tasks.file(params.id);
  }
}
