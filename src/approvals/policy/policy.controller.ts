import { Controller, Inject } from '@nestjs/common';
import type { Actor as ActorType } from '../../contracts/auth.js';
import type { PolicyTestReply, PolicyView } from '../../contracts/policy.js';
import type { RouteInput, RouteReply } from '../../contracts/routes.js';
import { Actor, Input, Route } from '../../shared/http/route.js';
import { PolicyService } from './policy.service.js';

@Controller()
export class PolicyController {
  constructor(@Inject(PolicyService) private readonly policy: PolicyService) {}

  @Route('policy_get')
  get(): PolicyView {
    return this.policy.view();
  }

  @Route('policy_write')
  write(@Input('policy_write') { body }: RouteInput<'policy_write'>, @Actor() actor: ActorType): Promise<PolicyView> {
    return this.policy.write(body.text, body.base_version, actor);
  }

  @Route('policy_add_rule')
  add(
    @Input('policy_add_rule') { body }: RouteInput<'policy_add_rule'>,
    @Actor() actor: ActorType,
  ): Promise<PolicyView> {
    return this.policy.addRule(body.rule, body.first, actor);
  }

  @Route('policy_remove_rule')
  remove(
    @Input('policy_remove_rule') { params }: RouteInput<'policy_remove_rule'>,
    @Actor() actor: ActorType,
  ): Promise<PolicyView> {
    return this.policy.removeRule(params.id, actor);
  }

  @Route('policy_test')
  test(@Input('policy_test') { body }: RouteInput<'policy_test'>): Promise<PolicyTestReply> {
    return this.policy.test(body);
  }

  @Route('policy_proposals')
  async proposals(): Promise<RouteReply<'policy_proposals'>> {
    return { proposals: await this.policy.proposals() };
  }

  @Route('policy_dismiss')
  async dismiss(
    @Input('policy_dismiss') { params }: RouteInput<'policy_dismiss'>,
  ): Promise<RouteReply<'policy_dismiss'>> {
    return { proposals: await this.policy.dismiss(params.id) };
  }
}
