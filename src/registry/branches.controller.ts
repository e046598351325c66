import { Controller, Inject } from '@nestjs/common';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput, RouteReply } from '../contracts/routes.js';
import { Actor, Input, Route } from '../shared/http/route.js';
import { RegistryService } from './registry.service.js';

@Controller()
export class BranchesController {
  constructor(@Inject(RegistryService) private readonly registry: RegistryService) {}

  @Route('registry_branches')
  async list(): Promise<RouteReply<'registry_branches'>> {
    return { branches: await this.registry.branches.list() };
  }

  @Route('registry_branch_create')
  create(
    @Input('registry_branch_create') { body }: RouteInput<'registry_branch_create'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_branch_create'>> {
    return this.registry.branches.create(body, actor);
  }

  @Route('registry_branch_diff')
  diff(
    @Input('registry_branch_diff') { params }: RouteInput<'registry_branch_diff'>,
  ): Promise<RouteReply<'registry_branch_diff'>> {
    return this.registry.branches.diff(params.name);
  }

  @Route('registry_branch_switch')
  switch(
    @Input('registry_branch_switch') { params, body }: RouteInput<'registry_branch_switch'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_branch_switch'>> {
    return this.registry.branches.switch(params.name, body, actor);
  }

  @Route('registry_branch_merge')
  merge(
    @Input('registry_branch_merge') { params, body }: RouteInput<'registry_branch_merge'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_branch_merge'>> {
    return this.registry.branches.merge(params.name, body, actor);
  }

  @Route('registry_branch_delete')
  delete(
    @Input('registry_branch_delete') { params, query }: RouteInput<'registry_branch_delete'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_branch_delete'>> {
    return this.registry.branches.delete(params.name, query.force, actor);
  }

  @Route('registry_remote')
  remote(): RouteReply<'registry_remote'> {
    return this.registry.remote.status();
  }

  @Route('registry_remote_set')
  setRemote(
    @Input('registry_remote_set') { body }: RouteInput<'registry_remote_set'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_remote_set'>> {
    return this.registry.setRemote(body, actor);
  }

  @Route('registry_push')
  push(): Promise<RouteReply<'registry_push'>> {
    return this.registry.remote.push();
  }

  @Route('registry_tags')
  async tags(): Promise<RouteReply<'registry_tags'>> {
    return { tags: await this.registry.branches.tags() };
  }

  @Route('registry_tag_create')
  tag(
    @Input('registry_tag_create') { body }: RouteInput<'registry_tag_create'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_tag_create'>> {
    return this.registry.branches.tag(body, actor);
  }

  @Route('registry_tag_delete')
  deleteTag(
    @Input('registry_tag_delete') { params }: RouteInput<'registry_tag_delete'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_tag_delete'>> {
    return this.registry.branches.deleteTag(params.name, actor);
  }
}
