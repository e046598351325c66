import { Controller, Inject } from '@nestjs/common';
import type { RouteInput, RouteReply } from '../../contracts/routes.js';
import { Input, Route } from '../../shared/http/route.js';
import { Fleet } from '../fleet.js';

@Controller()
export class ResourcesController {
  constructor(@Inject(Fleet) private readonly fleet: Fleet) {}

  @Route('agents_resources')
  read(
    @Input('agents_resources') { params: { id }, query }: RouteInput<'agents_resources'>,
  ): Promise<RouteReply<'agents_resources'>> {
    const since_ms = query.since === undefined ? 0 : Date.parse(query.since);
    return this.fleet.resources.resources(id, { since_ms, points: query.points });
  }
}
