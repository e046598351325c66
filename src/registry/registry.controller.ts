import { Controller, Inject } from '@nestjs/common';
import type { Actor as ActorType } from '../contracts/auth.js';
import type { RouteInput, RouteReply } from '../contracts/routes.js';
import { Actor, Input, Route } from '../shared/http/route.js';
import { RegistryService } from './registry.service.js';

@Controller()
export class RegistryController {
  constructor(@Inject(RegistryService) private readonly registry: RegistryService) {}

  @Route('registry_status')
  status(): Promise<RouteReply<'registry_status'>> {
    return this.registry.status();
  }

  @Route('registry_external')
  external(): Promise<RouteReply<'registry_external'>> {
    return this.registry.external.view();
  }

  @Route('registry_external_accept')
  accept(
    @Input('registry_external_accept') { body }: RouteInput<'registry_external_accept'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_external_accept'>> {
    return this.registry.external.accept(body, actor);
  }

  @Route('registry_external_reject')
  reject(
    @Input('registry_external_reject') { body }: RouteInput<'registry_external_reject'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_external_reject'>> {
    return this.registry.external.reject(body, actor);
  }

  @Route('registry_history')
  history(
    @Input('registry_history') { query }: RouteInput<'registry_history'>,
  ): Promise<RouteReply<'registry_history'>> {
    return this.registry.history(query);
  }

  @Route('registry_commit')
  commit(@Input('registry_commit') { params }: RouteInput<'registry_commit'>): Promise<RouteReply<'registry_commit'>> {
    return this.registry.commit(params.hash);
  }

  @Route('registry_diff')
  diff(@Input('registry_diff') { query }: RouteInput<'registry_diff'>): Promise<RouteReply<'registry_diff'>> {
    return this.registry.diff(query);
  }

  @Route('registry_rollback')
  rollback(
    @Input('registry_rollback') { body }: RouteInput<'registry_rollback'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_rollback'>> {
    return this.registry.rollback(body, actor);
  }

  @Route('registry_undo')
  undo(
    @Input('registry_undo') { body }: RouteInput<'registry_undo'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_undo'>> {
    return this.registry.time.undo(body, actor);
  }

  @Route('registry_care')
  care(): Promise<RouteReply<'registry_care'>> {
    return this.registry.care.status();
  }

  @Route('registry_verify')
  verify(): Promise<RouteReply<'registry_verify'>> {
    return this.registry.care.verify();
  }

  @Route('registry_repair')
  repair(): Promise<RouteReply<'registry_repair'>> {
    return this.registry.care.repair();
  }

  @Route('registry_export')
  export(@Input('registry_export') { query }: RouteInput<'registry_export'>): Promise<RouteReply<'registry_export'>> {
    return this.registry.transfer.export(query);
  }

  @Route('registry_import')
  import(
    @Input('registry_import') { body }: RouteInput<'registry_import'>,
    @Actor() actor: ActorType,
  ): Promise<RouteReply<'registry_import'>> {
    return this.registry.transfer.import(body, actor);
  }

  @Route('registry_prune')
  prune(@Input('registry_prune') { body }: RouteInput<'registry_prune'>): Promise<RouteReply<'registry_prune'>> {
    return this.registry.care.prune(body);
  }

  @Route('registry_gc')
  gc(@Input('registry_gc') { body }: RouteInput<'registry_gc'>): Promise<RouteReply<'registry_gc'>> {
    return this.registry.care.gc(body);
  }
}
