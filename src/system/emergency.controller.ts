import { Controller, Inject } from '@nestjs/common';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput } from '../contracts/routes.js';
import { Actor, Input, Route } from '../shared/http/route.js';
import { EmergencyService } from './emergency.service.js';

@Controller()
export class EmergencyController {
  constructor(@Inject(EmergencyService) private readonly emergency: EmergencyService) {}

  @Route('system_emergency_stop')
  stop(@Input('system_emergency_stop') { body }: RouteInput<'system_emergency_stop'>, @Actor() actor: ActorType) {
    return this.emergency.stop(body.reason ?? null, actor);
  }

  @Route('system_emergency_clear')
  clear(@Actor() actor: ActorType) {
    return this.emergency.clear(actor);
  }
}
