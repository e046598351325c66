import { Controller, Inject } from '@nestjs/common';
import type { LedgerList, LedgerVerdict } from '../../contracts/audit.js';
import type { RouteInput } from '../../contracts/routes.js';
import { Input, Route } from '../../shared/http/route.js';
import { Ledger } from './ledger.service.js';

@Controller()
export class LedgerController {
  constructor(@Inject(Ledger) private readonly ledger: Ledger) {}

  @Route('audit_list')
  list(@Input('audit_list') { query }: RouteInput<'audit_list'>): LedgerList {
    return this.ledger.list(query);
  }

  @Route('audit_verify')
  verify(): Promise<LedgerVerdict> {
    return this.ledger.verify();
  }
}
