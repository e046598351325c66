import { Controller, Inject } from '@nestjs/common';
import type { Approval, ApprovalGroup, ApprovalList, GroupDecision } from '../contracts/approval.js';
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

  @Route('approvals_undo')
  undo(
    @Input('approvals_undo') { params }: RouteInput<'approvals_undo'>,
    @Actor() actor: ActorType,
  ): Promise<Approval> {
    return this.approvals.undo(params.id, actor);
  }

  @Route('approvals_groups')
  groups(): { groups: ApprovalGroup[] } {
    return { groups: this.approvals.groups() };
  }

  @Route('approvals_group_approve')
  approveGroup(
    @Input('approvals_group_approve') { params, body }: RouteInput<'approvals_group_approve'>,
    @Actor() actor: ActorType,
  ): Promise<GroupDecision> {
    return this.approvals.decideGroup(params.key, 'approve', body, actor);
  }

  @Route('approvals_group_deny')
  denyGroup(
    @Input('approvals_group_deny') { params, body }: RouteInput<'approvals_group_deny'>,
    @Actor() actor: ActorType,
  ): Promise<GroupDecision> {
    return this.approvals.decideGroup(params.key, 'deny', body, actor);
  }
}
