import { Controller, Inject } from '@nestjs/common';
import type { Approval, ApprovalList } from '../contracts/approval.js';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput } from '../contracts/routes.js';
import { Actor, Input, Route } from '../shared/http/route.js';
import { ApprovalsService } from './approvals.service.js';

@Controller()
export class ApprovalsController {
  constructor(@Inject(ApprovalsService) private readonly approvals: ApprovalsService) {}

  @Route('approvals_list')
  list(@Input('approvals_list') { query }: RouteInput<'approvals_list'>): ApprovalList {
    return this.approvals.list(query);
  }

  @Route('approvals_get')
  get(@Input('approvals_get') { params }: RouteInput<'approvals_get'>): Approval {
    return this.approvals.get(params.id);
  }

  @Route('approvals_approve')
  approve(
    @Input('approvals_approve') { params, body }: RouteInput<'approvals_approve'>,
    @Actor() actor: ActorType,
  ): Promise<Approval> {
    return this.approvals.approve(params.id, body, actor);
  }

  @Route('approvals_deny')
  deny(
    @Input('approvals_deny') { params, body }: RouteInput<'approvals_deny'>,
    @Actor() actor: ActorType,
  ): Promise<Approval> {
    return this.approvals.deny(params.id, body, actor);
  }
}
