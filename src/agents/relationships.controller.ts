import { Controller, Inject } from '@nestjs/common';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput } from '../contracts/routes.js';
import { Actor, Input, Route } from '../shared/http/route.js';
import { RelationshipsService } from './relationships.service.js';

@Controller()
export class RelationshipsController {
  constructor(@Inject(RelationshipsService) private readonly relationships: RelationshipsService) {}

  @Route('relationships_all')
  all() {
    return this.relationships.all();
  }

  @Route('relationships_list')
  list(@Input('relationships_list') { params }: RouteInput<'relationships_list'>) {
    return this.relationships.list(params.id);
  }

  @Route('relationships_add')
  add(@Input('relationships_add') { params, body }: RouteInput<'relationships_add'>, @Actor() actor: ActorType) {
    return this.relationships.add(params.id, body, actor);
  }

  @Route('relationships_remove')
  remove(
    @Input('relationships_remove') { params, body }: RouteInput<'relationships_remove'>,
    @Actor() actor: ActorType,
  ) {
    return this.relationships.remove(params.id, body, actor);
  }
}
