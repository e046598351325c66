import { Controller, Header, Inject } from '@nestjs/common';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput } from '../contracts/routes.js';
import { Actor, Input, Route } from '../shared/http/route.js';
import { AgentsService } from './agents.service.js';

@Controller()
export class AgentsController {
  constructor(@Inject(AgentsService) private readonly agents: AgentsService) {}

  @Route('agents_list')
  @Header('content-type', 'application/json; charset=utf-8')
  list(@Input('agents_list') { query }: RouteInput<'agents_list'>) {
    return this.agents.listJson(query);
  }

  @Route('agents_create')
  create(@Input('agents_create') { body }: RouteInput<'agents_create'>, @Actor() actor: ActorType) {
    return this.agents.create(body, actor);
  }

  @Route('agents_get')
  get(@Input('agents_get') { params }: RouteInput<'agents_get'>) {
    return this.agents.get(params.id);
  }

  @Route('agents_replace')
  replace(@Input('agents_replace') { params, body }: RouteInput<'agents_replace'>, @Actor() actor: ActorType) {
    return this.agents.replace(params.id, body, actor);
  }

  @Route('agents_update')
  update(@Input('agents_update') { params, body }: RouteInput<'agents_update'>, @Actor() actor: ActorType) {
    return this.agents.update(params.id, body, actor);
  }

  @Route('agents_delete')
  remove(@Input('agents_delete') { params }: RouteInput<'agents_delete'>, @Actor() actor: ActorType) {
    return this.agents.remove(params.id, actor);
  }

  @Route('agents_status')
  status(@Input('agents_status') { params }: RouteInput<'agents_status'>) {
    return this.agents.status(params.id);
  }

  @Route('agents_start')
  start(@Input('agents_start') { params }: RouteInput<'agents_start'>, @Actor() actor: ActorType) {
    return this.agents.start(params.id, actor);
  }

  @Route('agents_stop')
  stop(@Input('agents_stop') { params, body }: RouteInput<'agents_stop'>, @Actor() actor: ActorType) {
    return this.agents.stop(params.id, body, actor);
  }

  @Route('agents_restart')
  restart(@Input('agents_restart') { params, body }: RouteInput<'agents_restart'>, @Actor() actor: ActorType) {
    return this.agents.restart(params.id, body, actor);
  }

  @Route('agents_interrupt')
  interrupt(@Input('agents_interrupt') { params, body }: RouteInput<'agents_interrupt'>) {
    return this.agents.interrupt(params.id, body);
  }

  @Route('agents_reset_breaker')
  resetBreaker(
    @Input('agents_reset_breaker') { params }: RouteInput<'agents_reset_breaker'>,
    @Actor() actor: ActorType,
  ) {
    return this.agents.resetBreaker(params.id, actor);
  }

  @Route('agents_hibernate')
  hibernate(@Input('agents_hibernate') { params }: RouteInput<'agents_hibernate'>) {
    return this.agents.hibernate(params.id);
  }
}
