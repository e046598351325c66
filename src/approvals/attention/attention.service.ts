import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Approval } from '../../contracts/approval.js';
import type { Attention, AttentionStep, Notice } from '../../contracts/attention.js';
import { EventLog } from '../../events/event-log.js';
import { Clock } from '../../shared/clock.js';
import { StateDb } from '../../shared/db/state-db.js';
import { messageOf, NoxError } from '../../shared/nox-error.js';
import { isEnd, isSamePerson } from '../approval-state.js';
import { readApproval } from '../approval-store.js';
import { LinkSettings, LinksService } from '../links/links.service.js';
import { planNotices, retryAt, stepOf } from './ladder.js';
import {
  dueNotices,
  hurryNotices,
  insertNotice,
  nextNotice,
  noticesOf,
  type StoredNotice,
  unplanned,
  updateNotice,
} from './notice-store.js';
import { type NoticeFacts, slackBody, subjectOf, textOf, webhookBody } from './notice-text.js';
import { DeliveryError, postJson, sendMail, signature } from './senders.js';

/** What telling people needs to know of the house. Given at wiring. */
export abstract class AttentionSettings {
  abstract attention(): Attention;
  /** What a reference stands for. Rejects when it is not set. */
  abstract secret(reference: string): Promise<string>;
}

const RETRY_MS = 5000;
/** How long after a decision can no longer be undone it is asked whether it stands. */
const AFTER_HELD_MS = 1000;
const nox = { name: 'nox', role: 'admin' } as const;

/**
 * Tells people of what waits, rung by rung, until somebody decides; at the end stands the denial by expiry. Contract: what
 * is to be told is on the disk, so a restart neither forgets nor doubles it; a delivery that may have arrived is repeated
 * under the same id. Nothing that is secret, and nothing of the call's bytes, goes into a log.
 */
@Injectable()
export class AttentionService {
  private readonly logger = new Logger(AttentionService.name);
  private cancelTimer: () => void = () => undefined;
  private working: Promise<void> | undefined;
  private started = false;
  /** Spreads repeated deliveries; tests set it. */
  random: () => number = Math.random;

  constructor(
    @Inject(StateDb) private readonly db: StateDb,
    @Inject(EventLog) private readonly events: EventLog,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(LinksService) private readonly links: LinksService,
    @Inject(LinkSettings) private readonly link_settings: LinkSettings,
    @Inject(AttentionSettings) private readonly settings: AttentionSettings,
  ) {
    events.subscribe((event) => {
      // Told again when the call is parked or has come back: what is planned stays as it is.
      if (event.type === 'approval.requested') this.background(this.plan([event.payload.approval]));
      if (event.type !== 'approval.updated') return;
      const { held, votes = [] } = event.payload.approval;
      if (held === undefined && votes.length > 0) this.background(this.hurry(event.payload.approval));
    });
  }

  /** Takes up what an earlier Nox left: what it had not planned, and what it had not told. */
  async start(): Promise<void> {
    this.started = true;
    await this.plan(unplanned(this.db).map((id) => readApproval(this.db, id).approval));
    this.arm();
  }

  /** Nothing more is told; what is under way is waited for. */
  async stop(): Promise<void> {
    this.started = false;
    this.cancelTimer();
    await this.working;
  }

  /** Throws APPROVAL_NOT_FOUND. */
  list(approval_id: string): Notice[] {
    readApproval(this.db, approval_id);
    return noticesOf(this.db, approval_id).map((notice) => this.view(notice));
  }

  private async plan(approvals: readonly Approval[]): Promise<void> {
    const attention = this.settings.attention();
    if (attention.steps.length === 0 || approvals.length === 0) return;
    await this.db.write((tx) => {
      for (const { id, risk_level, requested_at } of approvals)
        for (const { step_id, due_ms } of planNotices(attention, {
          risk_level,
          requested_ms: Date.parse(requested_at),
        })) {
          const via = stepOf(attention, step_id)?.via;
          if (via !== undefined) insertNotice(tx, { approval_id: id, step_id, via, due_ms });
        }
      tx.afterCommit(() => this.arm());
    });
  }

  private hurry({ id }: Approval): Promise<void> {
    return this.db.write((tx) => {
      hurryNotices(tx, id, this.clock.now());
      tx.afterCommit(() => this.arm());
    });
  }

  /** One timer for the notice that is due next. */
  private arm(min_wait_ms = 0): void {
    this.cancelTimer();
    const at_ms = nextNotice(this.db);
    if (!this.started || at_ms === null) return;
    this.cancelTimer = this.clock.after(Math.max(min_wait_ms, at_ms - this.clock.now()), () => {
      this.working ??= this.tellDue().finally(() => {
        this.working = undefined;
      });
    });
  }

  private async tellDue(): Promise<void> {
    try {
      for (const notice of dueNotices(this.db, this.clock.now())) {
        if (!this.started) return;
        await this.tell(notice);
      }
      this.arm();
    } catch (error) {
      this.logger.error(`Notices could not be told and wait on: ${messageOf(error)}`);
      if (this.started) this.arm(RETRY_MS);
    }
  }

  private async tell(notice: StoredNotice): Promise<void> {
    const attention = this.settings.attention();
    const step = stepOf(attention, notice.step_id);
    const { approval } = readApproval(this.db, notice.approval_id);
    // It may still be undone: then somebody has to be told after all.
    if (approval.held !== undefined && !isEnd(approval.status))
      return this.store({ ...notice, due_ms: Date.parse(approval.held.until) + AFTER_HELD_MS });
    const over = step === undefined ? 'this step is no longer configured' : whyOver(approval, step);
    if (step === undefined || over !== null) return this.store({ ...notice, state: 'dropped', reason: over });
    const attempts = notice.attempts + 1;
    const link = await this.linkFor(notice, approval, step);
    const tried = { ...notice, attempts, link_id: link.id };
    try {
      await this.deliver(step, attention, {
        approval,
        url: `${this.link_settings.public_url()}/approvals/${approval.id}`,
        link: link.url,
        no_link: link.why,
      });
      return await this.store({ ...tried, state: 'sent', sent_ms: this.clock.now(), reason: null });
    } catch (error) {
      const final = error instanceof DeliveryError && error.final;
      // What is not a delivery's own fault may name a file or a variable, never what is in it.
      const reason = messageOf(error).slice(0, 300);
      if (final || attempts >= attention.max_attempts) return this.store({ ...tried, state: 'failed', reason });
      return this.store({ ...tried, due_ms: retryAt(attempts, this.clock.now(), this.random()), reason });
    }
  }

  private async deliver(step: AttentionStep, attention: Attention, facts: NoticeFacts): Promise<void> {
    const id = `${facts.approval.id}.${step.id}`;
    if (step.via === 'email') {
      if (attention.smtp === undefined) throw new DeliveryError('attention.smtp is not set', true);
      const { password } = attention.smtp;
      const secret = password === undefined ? undefined : await this.settings.secret(password);
      return sendMail(attention.smtp, secret, {
        to: step.to,
        subject: subjectOf(facts.approval),
        text: textOf(facts),
        id,
      });
    }
    const url = /^https?:/.test(step.url) ? step.url : await this.settings.secret(step.url);
    if (!/^https?:\/\//.test(url)) throw new DeliveryError('its url is not an http address', true);
    if (step.via === 'slack') return postJson(url, slackBody(facts), {});
    const body = webhookBody(facts, id, step.id, this.clock.iso());
    const signed = signature(await this.settings.secret(step.secret), body, this.clock.now());
    return postJson(url, body, { 'x-nox-delivery': id, 'x-nox-signature': signed });
  }

  /** The one link of this notice: made once, so that a repeated delivery brings the same. None when it may not be made. */
  private async linkFor(
    { link_id }: StoredNotice,
    approval: Approval,
    step: AttentionStep,
  ): Promise<{ id: string | null; url?: string | undefined; why?: string }> {
    if (step.for === undefined) return { id: null };
    if (link_id !== null) return { id: link_id, url: this.links.urlOf(link_id) };
    const { id } = approval;
    const refusal = this.links.refusal(approval);
    if (refusal !== null) return { id: null, why: refusal };
    try {
      const { link, url } = await this.links.create(id, { username: step.for, expires_in_s: 604_800 }, nox);
      return { id: link.id, url };
    } catch (error) {
      if (!(error instanceof NoxError)) throw error;
      this.logger.warn(`Notice ${id}.${step.id} goes without a link: ${error.message}`);
      return { id: null, why: error.message };
    }
  }

  private store(notice: StoredNotice): Promise<void> {
    return this.db.write((tx) => {
      updateNotice(tx, notice);
      const { approval } = readApproval(tx, notice.approval_id);
      this.events.appendIn(tx, 'approval.notified', { notice: this.view(notice) }, approval.agent_id);
    });
  }

  private background(work: Promise<void>): void {
    work.catch((error: unknown) => this.logger.error(`Notices were not planned: ${messageOf(error)}`));
  }

  private view({ approval_id, step_id, via, state, due_ms, attempts, sent_ms, reason }: StoredNotice): Notice {
    const sent_at = sent_ms === null ? null : this.clock.iso(sent_ms);
    return { approval_id, step_id, via, state, due_at: this.clock.iso(due_ms), attempts, sent_at, reason };
  }
}

/** Why nobody needs to be told any more; null when somebody does. */
function whyOver({ status, votes = [] }: Approval, { for: whom }: AttentionStep): string | null {
  if (isEnd(status)) return `it is ${status}`;
  if (whom === undefined) return null;
  return votes.some(({ by }) => isSamePerson(by, whom)) ? `${whom} has approved it already` : null;
}
