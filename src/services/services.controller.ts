import { Controller, Inject } from '@nestjs/common';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput } from '../contracts/routes.js';
import { Actor, Input, Route } from '../shared/http/route.js';
import { NoxError } from '../shared/nox-error.js';
import { Installer } from './installer.js';
import { ServicesService } from './services.service.js';

@Controller()
export class ServicesController {
  constructor(
    @Inject(ServicesService) private readonly services: ServicesService,
    @Inject(Installer) private readonly installer: Installer,
  ) {}

  @Route('services_list')
  async list() {
    const { services, engine } = await this.services.list();
    return { services: [...this.installer.pending(), ...services], engine };
  }

  @Route('services_search')
  search(@Input('services_search') { query }: RouteInput<'services_search'>) {
    const installed = new Set(this.services.views().map(({ name }) => name));
    return this.services.catalogue.search(query.query, query.limit, installed);
  }

  @Route('services_install')
  install(@Input('services_install') { body }: RouteInput<'services_install'>, @Actor() actor: ActorType) {
    if (body.auto_approve && actor.role !== 'admin')
      throw new NoxError('FORBIDDEN', 'auto_approve is for admins; without it an admin is asked.');
    return this.installer.install(body, actor);
  }

  @Route('services_get')
  get(@Input('services_get') { params }: RouteInput<'services_get'>) {
    return this.installer.pending().find(({ name }) => name === params.name) ?? this.services.get(params.name);
  }

  @Route('services_update')
  update(@Input('services_update') { params, body }: RouteInput<'services_update'>, @Actor() actor: ActorType) {
    return this.services.update(params.name, body, actor);
  }

  @Route('services_remove')
  async remove(@Input('services_remove') { params, query }: RouteInput<'services_remove'>, @Actor() actor: ActorType) {
    if (!(await this.installer.withdraw(params.name))) await this.services.remove(params.name, actor, query.image);
    return {};
  }

  @Route('services_start')
  start(@Input('services_start') { params }: RouteInput<'services_start'>, @Actor() actor: ActorType) {
    return this.services.setDesired(params.name, 'active', actor);
  }

  @Route('services_stop')
  stop(@Input('services_stop') { params }: RouteInput<'services_stop'>, @Actor() actor: ActorType) {
    return this.services.setDesired(params.name, 'inactive', actor);
  }

  @Route('services_restart')
  restart(@Input('services_restart') { params }: RouteInput<'services_restart'>, @Actor() actor: ActorType) {
    return this.services.restart(params.name, actor);
  }

  @Route('services_attach')
  attach(@Input('services_attach') { params, body }: RouteInput<'services_attach'>, @Actor() actor: ActorType) {
    return this.services.attach(params.name, body.agent_id, actor);
  }

  @Route('services_detach')
  detach(@Input('services_detach') { params, body }: RouteInput<'services_detach'>, @Actor() actor: ActorType) {
    return this.services.detach(params.name, body.agent_id, actor);
  }

  @Route('services_logs')
  logs(@Input('services_logs') { params, query }: RouteInput<'services_logs'>) {
    return this.services.logs(params.name, query.lines);
  }

  @Route('services_stats')
  stats(@Input('services_stats') { params }: RouteInput<'services_stats'>) {
    return this.services.stats(params.name);
  }

  @Route('services_tools')
  tools(@Input('services_tools') { params }: RouteInput<'services_tools'>) {
    return { tools: this.services.tools(params.name) };
  }

  @Route('services_call')
  call(@Input('services_call') { params, body }: RouteInput<'services_call'>) {
    return this.services.call({ agent_id: undefined, service: params.name, tool: body.tool, input: body.input });
  }

  @Route('agents_services')
  ofAgent(@Input('agents_services') { params }: RouteInput<'agents_services'>) {
    return this.services.list(params.id);
  }
}
