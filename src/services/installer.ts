import { Inject, Injectable } from '@nestjs/common';
import { ApprovalGate } from '../approvals/gate.js';
import { parsed } from '../registry/intent-change.js';
import type { Actor } from '../contracts/auth.js';
import {
  type CatalogueEntry,
  type Evaluation,
  ImageDigest,
  type InstallService,
  type Service,
  ServiceConfig,
  ServiceName,
} from '../contracts/service.js';
import { EventLog } from '../events/event-log.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { evaluate } from './catalogue/evaluate.js';
import { shownService } from './service-view.js';
import { ServicesService } from './services.service.js';

/** What would be installed, and what is known of it. */
interface Proposal {
  readonly name: string;
  readonly table: Record<string, unknown>;
  readonly evaluation: Evaluation | null;
  readonly actor: Actor;
  approval_id: string | null;
  reason: string | null;
  readonly since: string;
}

const OFFICIAL = /^(docker\.io\/)?mcp\//;

/**
 * From a wish to a service in the registry: found in the catalogue, bound to a digest, judged, approved by a person, then
 * installed. What an agent asks for waits as an approval; a person who asks has the evaluation first and says yes to it.
 */
@Injectable()
export class Installer {
  private readonly proposals = new Map<string, Proposal>();

  constructor(
    @Inject(ServicesService) private readonly services: ServicesService,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(ApprovalGate) private readonly gate: ApprovalGate,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Those that wait for a decision, as services. */
  pending(): Service[] {
    return [...this.proposals.values()].map((proposal) => this.view(proposal));
  }

  /**
   * With `auto_approve`, which only a person can send: installs at once. Else it waits, and the answer says for what.
   * VALIDATION_ERROR, SERVICE_ALREADY_EXISTS, ENGINE_UNAVAILABLE.
   */
  async install(request: InstallService, actor: Actor, cwd = '/'): Promise<Service> {
    const proposal = await this.propose(request, actor);
    const { name } = proposal;
    if (request.auto_approve) {
      if (actor.name.startsWith('agent:')) throw new NoxError('FORBIDDEN', 'Agents cannot approve what they ask for.');
      return this.carryOut(proposal, actor.name);
    }
    this.proposals.set(name, proposal);
    this.changed(proposal);
    if (request.agent_id === undefined) {
      proposal.reason = 'Send it again with auto_approve to install it.';
      return this.view(proposal);
    }
    await this.ask(proposal, request.agent_id, cwd);
    return this.view(proposal);
  }

  /** Forgets a proposal; false when there is none of that name. */
  withdraw(name: string): boolean {
    return this.proposals.delete(name);
  }

  /** Resolves when the request is stored and can be decided; what comes then happens by itself. */
  private async ask(proposal: Proposal, agent_id: string, cwd: string): Promise<void> {
    const { name, table, evaluation } = proposal;
    await new Promise<void>((stored) => {
      const call = {
        agent_id,
        session_id: null,
        turn_id: null,
        tool_use_id: `install:${name}:${this.clock.now()}`,
        tool_name: 'install_service',
        input: { service: name, ...table, ...(evaluation === null ? {} : { evaluation }) },
        cwd,
        requires_user_interaction: false,
        asked: {
          request_type: 'mcp_installation' as const,
          risk: {
            level: evaluation?.risk_level ?? ('high' as const),
            reasons: evaluation?.reasons ?? ['a program outside of any container'],
          },
        },
      };
      const waiting = this.gate.decide(call, new AbortController().signal, (approval_id) => {
        proposal.approval_id = approval_id;
        stored();
      });
      waiting
        .then(async (decision) => {
          if (this.proposals.get(name) !== proposal) return;
          if (decision.behavior === 'allow') await this.carryOut(proposal, decision.by);
          else {
            this.proposals.delete(name);
            this.tell('service.changed', {
              service: name,
              status: 'stopped',
              reason: `not installed: ${decision.reason}`,
            });
          }
        })
        .catch((error: unknown) => {
          this.proposals.delete(name);
          this.tell('service.changed', {
            service: name,
            status: 'failed',
            reason: `not installed: ${messageOf(error)}`,
          });
        })
        .finally(stored);
    });
  }

  private async carryOut({ name, table, actor, approval_id }: Proposal, approved_by: string): Promise<Service> {
    const approval = approval_id === null ? {} : { approval_id };
    this.proposals.delete(name);
    await this.registry.addService(name, { ...table, approved_by, ...approval }, actor);
    const image = typeof table['image'] === 'string' ? table['image'] : null;
    this.tell('service.installed', { service: name, image, actor: actor.name });
    return this.services.get(name);
  }

  private async propose(request: InstallService, actor: Actor): Promise<Proposal> {
    const { service_name, image, agent_id, auto_approve: _, command, url, ...settings } = request;
    const entry = await this.entryOf(service_name, image ?? command ?? url);
    const name = parsed('service_name', ServiceName, service_name ?? nameOf(image ?? entry?.image ?? ''));
    if (this.registry.intent().services.has(name))
      throw new NoxError('SERVICE_ALREADY_EXISTS', `A service is called ${name} already.`);
    if (agent_id !== undefined) this.services.mayHaveOneMore(agent_id, name);
    const missing = (entry?.env ?? []).filter((need) => need.required && settings.env?.[need.name] === undefined);
    if (missing.length > 0) {
      const fields = missing.map((need) => ({ field: `env.${need.name}`, message: need.description }));
      throw new NoxError(
        'VALIDATION_ERROR',
        `${name} needs env ${missing.map((need) => need.name).join(', ')}: give references, as env:NAME or file:name.`,
        fields,
      );
    }
    const wanted = image ?? entry?.image;
    const bound = wanted === undefined ? undefined : await this.bind(wanted);
    const from_entry =
      entry === undefined
        ? {}
        : { transport: entry.transport, network: entry.network, egress_hosts: entry.egress_hosts };
    const table = plain({
      image: bound,
      command,
      url,
      ...(wanted === undefined ? {} : from_entry),
      ...settings,
      agents: agent_id === undefined ? [] : [agent_id],
    });
    const config = parsed('service', ServiceConfig, table);
    const evaluation = bound === undefined ? null : await this.judge(bound, config, entry);
    return { name, table, evaluation, actor, approval_id: null, reason: null, since: this.clock.iso() };
  }

  private async entryOf(name: string | undefined, other: string | undefined): Promise<CatalogueEntry | undefined> {
    if (name === undefined || other !== undefined) return undefined;
    const entry = await this.services.catalogue.find(name);
    if (entry === undefined)
      throw new NoxError(
        'SERVICE_NOT_FOUND',
        `No catalogue knows ${name}; name its image, or search with "nox mcp search".`,
      );
    return entry;
  }

  /** The image with its digest: as given, or as its registry has it now, or as it is on this machine. */
  private async bind(image: string): Promise<string> {
    if (ImageDigest.safeParse(image).success) return image;
    if (!/^[a-z0-9][a-z0-9._:/-]{0,255}$/.test(image))
      throw new NoxError('VALIDATION_ERROR', 'image must be a lower-case image name, with a tag or a digest.');
    const tagged = /:[^/]+$/.test(image) ? image : `${image}:latest`;
    const digest = await this.services.engine.remoteDigest(tagged);
    if (digest !== null) return `${tagged.replace(/:[^/:]+$/, '')}@${digest}`;
    const here = await this.services.engine.image(tagged);
    if (here?.reference != null) return here.reference;
    throw new NoxError('NOT_FOUND', `No registry knows the image ${tagged}, and it is not on this machine.`);
  }

  private async judge(image: string, config: ServiceConfig, entry: CatalogueEntry | undefined): Promise<Evaluation> {
    const here = await this.services.engine.image(image);
    const sources = [...(entry === undefined ? [] : [entry.source]), 'engine'];
    return evaluate(
      {
        image,
        digest: image.slice(image.indexOf('@') + 1),
        size_bytes: here?.size_bytes ?? null,
        official: entry?.official ?? OFFICIAL.test(image),
        pulls: entry?.pulls ?? null,
        updated_at: here?.created_at ?? null,
        sources,
        network: config.network,
        egress_hosts: config.egress_hosts,
        secrets: Object.keys(config.env),
      },
      this.clock.now(),
    );
  }

  private view({ name, table, evaluation, approval_id, reason, since }: Proposal): Service {
    const config = ServiceConfig.parse(table);
    return shownService({ name, config, status: 'pending_approval', reason, since, evaluation, approval_id });
  }

  private changed({ name, reason }: Proposal): void {
    this.tell('service.changed', { service: name, status: 'pending_approval', reason });
  }

  private tell(...event: Parameters<EventLog['append']>): void {
    this.events
      .append(...event)
      .catch((error: unknown) => this.services.warn('an event was not stored', { reason: messageOf(error) }));
  }
}

/** `mcp/github:latest` → `github`. */
const nameOf = (image: string): string => (image.replace(/@.*$/, '').split('/').at(-1) ?? '').replace(/:.*$/, '');

const plain = (table: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(table).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  );
