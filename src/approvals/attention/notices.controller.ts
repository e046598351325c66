import { Controller, Inject } from '@nestjs/common';
import type { Notice } from '../../contracts/attention.js';
import type { RouteInput } from '../../contracts/routes.js';
import { Input, Route } from '../../shared/http/route.js';
import { AttentionService } from './attention.service.js';

@Controller()
export class NoticesController {
  constructor(@Inject(AttentionService) private readonly attention: AttentionService) {}

  @Route('approvals_notices')
  list(@Input('approvals_notices') { params }: RouteInput<'approvals_notices'>): { notices: Notice[] } {
    return { notices: this.attention.list(params.id) };
  }
}
