import { Controller, Inject } from '@nestjs/common';
import type { RouteInput, RouteReply } from '../contracts/routes.js';
import { RegistryService } from '../registry/registry.service.js';
import { Input, Route } from '../shared/http/route.js';
import { NoxError } from '../shared/nox-error.js';
import { SpendBook } from './spend-book.js';

@Controller()
export class UsageController {
  constructor(
    @Inject(SpendBook) private readonly spends: SpendBook,
    @Inject(RegistryService) private readonly registry: RegistryService,
  ) {}

  @Route('agents_usage')
  ofAgent(@Input('agents_usage') { params: { id }, query }: RouteInput<'agents_usage'>): RouteReply<'agents_usage'> {
    const agent = this.registry.agents().get(id);
    if (agent === undefined) throw new NoxError('AGENT_NOT_FOUND', `No agent has the id ${id}.`);
    return { agent_id: id, days: this.spends.days(id, query.days), budget: agent.budget ?? {} };
  }

  @Route('usage')
  ofFleet(): RouteReply<'usage'> {
    return { ...this.spends.fleetToday(), budget: this.registry.config().budget };
  }

  @Route('usage_days')
  days(@Input('usage_days') { query }: RouteInput<'usage_days'>): RouteReply<'usage_days'> {
    return { ...this.spends.fleetDays(query.days), budget: this.registry.config().budget };
  }
}
