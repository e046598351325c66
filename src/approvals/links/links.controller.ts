import { Controller, Inject } from '@nestjs/common';
import type { Approval } from '../../contracts/approval.js';
import type { ApprovalLink, ApprovalLinkList, CreatedLink, OpenedLink } from '../../contracts/approval-link.js';
import type { Actor as ActorType } from '../../contracts/auth.js';
import type { RouteInput } from '../../contracts/routes.js';
import { Actor, Input, Route } from '../../shared/http/route.js';
import { LinksService } from './links.service.js';

@Controller()
export class LinksController {
  constructor(@Inject(LinksService) private readonly links: LinksService) {}

  @Route('approval_links_create')
  create(
    @Input('approval_links_create') { params, body }: RouteInput<'approval_links_create'>,
    @Actor() actor: ActorType,
  ): Promise<CreatedLink> {
    return this.links.create(params.id, body, actor);
  }

  @Route('approval_links_list')
  list(@Input('approval_links_list') { params }: RouteInput<'approval_links_list'>): ApprovalLinkList {
    return this.links.list(params.id);
  }

  @Route('approval_links_revoke')
  revoke(
    @Input('approval_links_revoke') { params }: RouteInput<'approval_links_revoke'>,
    @Actor() actor: ActorType,
  ): Promise<ApprovalLink> {
    return this.links.revoke(params.id, params.link_id, actor);
  }

  @Route('approval_links_open')
  open(@Input('approval_links_open') { body }: RouteInput<'approval_links_open'>): OpenedLink {
    return this.links.open(body.token);
  }

  @Route('approval_links_decide')
  decide(@Input('approval_links_decide') { body }: RouteInput<'approval_links_decide'>): Promise<Approval> {
    return this.links.decide(body);
  }
}
