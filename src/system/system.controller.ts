import { Controller, Inject } from '@nestjs/common';
import { GateProof } from '../agents/canary/gate-proof.js';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput } from '../contracts/routes.js';
import { Actor, Input, Route } from '../shared/http/route.js';
import { SystemService } from './system.service.js';

@Controller()
export class SystemController {
  constructor(
    @Inject(SystemService) private readonly system: SystemService,
    @Inject(GateProof) private readonly gate: GateProof,
  ) {}

  @Route('health')
  health() {
    return this.system.health();
  }

  @Route('system_status')
  status() {
    return this.system.status();
  }

  @Route('system_config')
  config() {
    return this.system.config();
  }

  @Route('system_gate')
  gateView() {
    return this.gate.view();
  }

  @Route('system_gate_prove')
  proveGate() {
    return this.gate.proveAgain();
  }

  @Route('system_model')
  useModel(@Input('system_model') { body }: RouteInput<'system_model'>, @Actor() actor: ActorType) {
    return this.system.useModel(body.mode, actor);
  }
}
