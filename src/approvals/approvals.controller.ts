import { Controller, Inject, Optional } from '@nestjs/common';
import type { Approval, ApprovalGroup, ApprovalList, GroupDecision } from '../contracts/approval.js';
import type { RuleOffer } from '../contracts/policy.js';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput } from '../contracts/routes.js';
import { Actor, Input, Route } from '../shared/http/route.js';
import { NoxError } from '../shared/nox-error.js';
import { ApprovalsService } from './approvals.service.js';
import { PolicyService } from './policy/policy.service.js';
import { validationProblem } from './problem.js';

@Controller()
export class ApprovalsController {
  constructor(
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Optional() @Inject(PolicyService) private readonly policy?: PolicyService,
  ) {}

  @Route('approvals_list')
  list(@Input('approvals_list') { query }: RouteInput<'approvals_list'>): ApprovalList {
    return this.approvals.list(query);
  }

  @Route('approvals_get')
  get(@Input('approvals_get') { params }: RouteInput<'approvals_get'>): Approval {
    return this.approvals.get(params.id);
  }

  /** A rule to remember is found before the decision and comes into force after it. */
  @Route('approvals_approve')
  async approve(
    @Input('approvals_approve') { params, body }: RouteInput<'approvals_approve'>,
    @Actor() actor: ActorType,
  ): Promise<Approval> {
    const { remember = false, ...request } = body;
    if (!remember) return this.approvals.approve(params.id, request, actor);
    // The rule would be of the call as it was asked, which the person has just put right.
    if (request.updated_input !== undefined) throw validationProblem('remember', 'cannot stand beside updated_input');
    const rule = await this.rules().ruleToRemember(this.approvals.get(params.id), actor);
    // A rule is in force at once, so its decision is not held to be undone.
    const approval = await this.approvals.approve(params.id, { ...request, undo_s: 0 }, actor);
    await this.rules().addRule(rule, false, actor);
    return approval;
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

  @Route('approvals_rule')
  rule(@Input('approvals_rule') { params }: RouteInput<'approvals_rule'>): Promise<RuleOffer> {
    return this.rules().offer(this.approvals.get(params.id));
  }

  private rules(): PolicyService {
    if (this.policy === undefined) throw new NoxError('NOT_FOUND', 'There is no policy here.');
    return this.policy;
  }
}
