import { Inject, Injectable } from '@nestjs/common';
import { ApprovalsService } from '../approvals/approvals.service.js';
import { MessagesService } from '../broker/messages.service.js';
import type { Approval } from '../contracts/approval.js';
import type { Actor } from '../contracts/auth.js';
import { SendMessage } from '../contracts/message.js';
import { type InstallService, type Service, ServiceConfig } from '../contracts/service.js';
import { EventLog } from '../events/event-log.js';
import { parsed } from '../registry/intent-change.js';
import { RegistryService } from '../registry/registry.service.js';
import { Clock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { failpoint } from '../shared/failpoint.js';
import { newId } from '../shared/ids.js';
import { KeyedQueue } from '../shared/keyed-queue.js';
import { messageOf, NoxError } from '../shared/nox-error.js';
import { approvedTable, askedCall, type Proposal, proposals, proposedService } from './proposal.js';
import { assertComplete, propose } from './proposer.js';
import { ServicesService } from './services.service.js';

const NOX = { kind: 'system', from: 'system', sent_by: 'system' } as const;

/**
 * From a wish to a service in the registry: found, bound to a digest, judged, approved by a person, installed, and whoever
 * asked is told. Contract: a wish is in the journal before anybody is asked; the request outlives Nox; each step is done
 * once, and after a crash the next start goes on with the step that was under way.
 */
@Injectable()
export class Installer {
  /** One step of a wish after another. */
  private readonly queue = new KeyedQueue();

  constructor(
    @Inject(ServicesService) private readonly services: ServicesService,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(ApprovalsService) private readonly approvals: ApprovalsService,
    @Inject(MessagesService) private readonly messages: MessagesService,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Goes on with what an earlier Nox left, and follows decisions and services from now on. */
  start(): void {
    this.events.subscribe((event) => {
      if (event.type === 'approval.decided' || event.type === 'approval.expired' || event.type === 'approval.cancelled')
        this.goOn(({ approval_id }) => approval_id === event.payload.approval.id);
      if (event.type === 'service.changed' && ['running', 'failed'].includes(event.payload.status))
        this.goOn(({ name, state }) => name === event.payload.service && state === 'installing');
    });
    this.goOn(() => true);
  }

  /** Those that wait for a decision, as services. */
  pending(): Service[] {
    return this.waiting()
      .filter(({ kind }) => kind === 'install')
      .map(proposedService);
  }

  /**
   * With `auto_approve`, which only a person can send: installs at once. Else it waits, and the answer says for what.
   * VALIDATION_ERROR, SERVICE_ALREADY_EXISTS, SERVICE_NOT_FOUND, ENGINE_UNAVAILABLE.
   */
  async install(request: InstallService, actor: Actor): Promise<Service> {
    const { agent_id = null, auto_approve } = request;
    if (auto_approve && actor.name.startsWith('agent:'))
      throw new NoxError('FORBIDDEN', 'Agents cannot approve what they ask for.');
    const { catalogue, engine } = this.services;
    const judged = await propose(request, { catalogue, engine, now: () => this.clock.now() });
    // A person who asks for an agent will be asked again, and can add what is missing; nobody else can.
    if (agent_id === null || auto_approve) assertComplete(judged);
    if (this.registry.intent().services.has(judged.name))
      throw new NoxError('SERVICE_ALREADY_EXISTS', `A service is called ${judged.name} already.`);
    if (agent_id !== null) this.services.mayHaveOneMore(agent_id, judged.name);
    const rivals = this.waiting().filter(({ name }) => name === judged.name);
    const same = rivals.find((other) => other.agent_id === agent_id);
    if (same !== undefined && agent_id !== null && !auto_approve) return proposedService(same);
    const proposal = this.proposalOf({ ...judged, kind: 'install', actor, agent_id, why: null });
    if (!auto_approve) return proposedService(await this.put(proposal));
    await this.carryOut(proposal, proposal.table, actor.name);
    for (const other of rivals) if (other.agent_id === null || other.agent_id === agent_id) await this.drop(other);
    return this.services.get(proposal.name);
  }

  /**
   * An agent's own wish: a service from the catalogue, an image, or one that is installed already. Answers when a person
   * has been asked; the agent is told of the end by a message. The errors of `install`.
   */
  async wish(
    { service, image, reason }: { service: string; image?: string | undefined; reason: string },
    agent_id: string,
  ): Promise<{ readonly approval_id: string | null; readonly status: string }> {
    const known = this.registry.intent().services.get(service);
    if (known?.agents.includes(agent_id) === true)
      return { approval_id: null, status: this.services.get(service).status };
    const asked = this.waiting().find(({ name, agent_id: by }) => name === service && by === agent_id);
    if (asked !== undefined) return { approval_id: asked.approval_id, status: 'pending_approval' };
    this.services.mayHaveOneMore(agent_id, service);
    const { catalogue, engine } = this.services;
    const request = { service_name: service, image, agent_id, auto_approve: false };
    const actor = { name: `agent:${agent_id}`, role: 'operator' } as const;
    const proposal =
      known === undefined
        ? { ...(await propose(request, { catalogue, engine, now: () => this.clock.now() })), kind: 'install' as const }
        : { name: service, table: { ...known }, evaluation: null, needs: [], kind: 'attach' as const };
    const { approval_id } = await this.put(this.proposalOf({ ...proposal, actor, agent_id, why: reason }));
    return { approval_id, status: 'pending_approval' };
  }

  /** Forgets what waits under that name, with its request; false when there is none. */
  async withdraw(name: string): Promise<boolean> {
    const found = this.waiting().filter((proposal) => proposal.name === name && proposal.kind === 'install');
    for (const proposal of found) await this.drop(proposal);
    return found.length > 0;
  }

  private waiting(): Proposal[] {
    return proposals.all(this.db).filter(({ state }) => state === 'proposed');
  }

  private proposalOf(known: Omit<Proposal, 'id' | 'state' | 'approval_id' | 'since' | 'cwd'>): Proposal {
    const place = { cwd: '/', since: this.clock.iso(), approval_id: null };
    return { ...known, ...place, id: newId('req'), state: 'proposed' };
  }

  /** Stores it, and asks for it if an agent wants it; a newer wish of a person takes the place of an older one. */
  private async put(proposal: Proposal): Promise<Proposal> {
    const older = this.waiting().filter(({ name, agent_id }) => name === proposal.name && agent_id === null);
    if (proposal.agent_id === null) for (const other of older) await this.drop(other);
    await this.db.write((tx) => proposals.put(tx, proposal));
    await failpoint('service.proposed');
    const asked = proposal.agent_id === null ? proposal : await this.ask(proposal, proposal.agent_id);
    this.tell('service.changed', { service: proposal.name, status: 'pending_approval', reason: asked.why });
    return asked;
  }

  private async ask(proposal: Proposal, agent_id: string): Promise<Proposal> {
    let asked = proposal;
    await this.approvals.request(askedCall(proposal, agent_id), (tx, approval) => {
      asked = { ...proposal, approval_id: approval.id };
      proposals.put(tx, asked);
    });
    await failpoint('service.asked');
    return asked;
  }

  /** Takes the next step of those that fit, each in its turn. */
  private goOn(fits: (proposal: Proposal) => boolean): void {
    for (const { id } of proposals.all(this.db).filter(fits)) {
      this.settle(id).catch((error: unknown) =>
        this.services.warn('a wish for a service waits', { id, reason: messageOf(error) }),
      );
    }
  }

  private settle(id: string): Promise<void> {
    return this.queue.run(id, async () => {
      const proposal = proposals.all(this.db).find((other) => other.id === id);
      if (proposal !== undefined) await this.step(proposal);
    });
  }

  private async step(proposal: Proposal): Promise<void> {
    if (proposal.state === 'installing') return this.report(proposal);
    if (proposal.agent_id === null) return;
    if (proposal.approval_id === null) return void (await this.ask(proposal, proposal.agent_id));
    const approval = this.approvals.get(proposal.approval_id);
    if (approval.status === 'pending' || approval.status === 'parked') return;
    if (approval.status !== 'approved') {
      // A person has given it to the agent in another way.
      const served = this.registry.intent().services.get(proposal.name)?.agents.includes(proposal.agent_id) === true;
      if (served && approval.status === 'cancelled') return this.watch(proposal);
      const why = approval.reason ?? approval.status;
      return this.end(proposal, 'denied', `Your wish for the service ${proposal.name} was not granted: ${why}.`);
    }
    try {
      await this.approved(proposal, approval);
    } catch (error) {
      if (!(error instanceof NoxError) || error.code === 'SHUTTING_DOWN') throw error;
      this.tell('service.changed', {
        service: proposal.name,
        status: 'failed',
        reason: `not installed: ${error.message}`,
      });
      await this.end(proposal, 'failed', `The service ${proposal.name} was approved, but: ${error.message}`);
    }
  }

  private async approved(proposal: Proposal, approval: Approval): Promise<void> {
    const { name, agent_id, actor, kind } = proposal;
    const by = approval.decided_by ?? 'nox';
    if (agent_id !== null && !this.registry.agents().has(agent_id))
      throw new NoxError('AGENT_NOT_FOUND', `The agent ${agent_id} is gone.`);
    if (kind === 'install') {
      const input = (approval.updated_input ?? approval.input) as Record<string, unknown>;
      return this.carryOut(proposal, approvedTable(input), by);
    }
    await this.services.attach(name, agent_id ?? '', { ...actor, name: by });
    await this.watch(proposal);
  }

  /** Installed: what is left is to tell the agent when it runs. */
  private async watch(proposal: Proposal): Promise<void> {
    await this.db.write((tx) => proposals.put(tx, { ...proposal, state: 'installing' }));
    this.goOn(({ id }) => id === proposal.id);
  }

  /** Writes it to the registry, once; from then on the pool brings it up, also after a crash. */
  private async carryOut(proposal: Proposal, table: Record<string, unknown>, approved_by: string): Promise<void> {
    const { id, name, needs, actor, approval_id, agent_id } = proposal;
    const config = parsed('service', ServiceConfig, table);
    assertComplete({ name, needs: needs.filter((need) => config.env[need] === undefined) });
    await failpoint('service.approved');
    const approval = approval_id === null ? {} : { approval_id };
    const there = this.registry.intent().services.get(name);
    if (there === undefined || approval_id === null || there.approval_id !== approval_id)
      await this.registry.addService(name, { ...table, approved_by, ...approval }, actor);
    const image = typeof table['image'] === 'string' ? table['image'] : null;
    this.tell('service.installed', { service: name, image, actor: actor.name });
    await failpoint('service.installed');
    // Whoever installs by hand sees it come up; an agent is told.
    if (agent_id !== null && approval_id !== null) await this.watch(proposal);
    else await this.db.write((tx) => proposals.remove(tx, id));
  }

  /** Tells the agent how it went, when that is known. */
  private async report(proposal: Proposal): Promise<void> {
    const { name } = proposal;
    if (!this.registry.intent().services.has(name))
      return this.end(proposal, 'failed', `The service ${name} was removed again.`);
    const { status, reason } = this.services.get(name);
    if (status === 'running')
      await this.end(
        proposal,
        'ready',
        `The service ${name} is ready. Its tools are yours now: they begin with mcp__${name}__.`,
      );
    else if (status === 'failed')
      await this.end(proposal, 'failed', `The service ${name} was approved, but does not run: ${reason ?? status}.`);
  }

  /** The agent knows the end, then the wish is forgotten. The same message is sent once, whatever happens between. */
  private async end({ id, agent_id, name }: Proposal, outcome: string, content: string): Promise<void> {
    if (agent_id !== null && this.registry.agents().has(agent_id)) {
      const metadata = { request_id: id, service: name, outcome };
      const key = `service:${id}:${outcome}`;
      const message = { to: agent_id, content, message_type: 'system', metadata, idempotency_key: key };
      await this.messages.send(parsed('message', SendMessage, message), NOX);
    }
    await this.db.write((tx) => proposals.remove(tx, id));
    if (outcome === 'denied') this.tell('service.changed', { service: name, status: 'stopped', reason: content });
  }

  private async drop({ id, approval_id }: Proposal): Promise<void> {
    if (approval_id === null) return this.db.write((tx) => proposals.remove(tx, id));
    await this.approvals.withdraw(approval_id, 'it was withdrawn');
    await this.settle(id);
  }

  private tell(...event: Parameters<EventLog['append']>): void {
    this.events
      .append(...event)
      .catch((error: unknown) => this.services.warn('an event was not stored', { reason: messageOf(error) }));
  }
}
