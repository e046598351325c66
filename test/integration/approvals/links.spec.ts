import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ApprovalsService } from '../../../src/approvals/approvals.service.js';
import { AttentionService, AttentionSettings } from '../../../src/approvals/attention/attention.service.js';
import { signature } from '../../../src/approvals/attention/senders.js';
import { LinkSettings, LinksService } from '../../../src/approvals/links/links.service.js';
import { Attention, type Notice } from '../../../src/contracts/attention.js';
import type { Actor, Role } from '../../../src/contracts/auth.js';
import type { AnyNoxEvent } from '../../../src/contracts/event.js';
import { EventLog } from '../../../src/events/event-log.js';
import { ManualClock } from '../../../src/shared/clock.js';
import { StateDb } from '../../../src/shared/db/state-db.js';
import { HookServer } from '../../support/hook-server.js';
import { MailServer } from '../../support/mail-server.js';
import { eventually } from '../../support/wait.js';

const ann: Actor = { name: 'ann', role: 'operator' };
const admin: Actor = { name: 'admin', role: 'admin' };
const HOUR_MS = 3_600_000;
const NOON = new Date('2026-03-03T12:00:00').getTime();

class House {
  clock = new ManualClock(NOON);
  readonly db = new StateDb(':memory:');
  readonly roles = new Map<string, Role>([
    ['ann', 'operator'],
    ['bob', 'operator'],
    ['eve', 'viewer'],
    ['admin', 'admin'],
  ]);
  readonly events: AnyNoxEvent[] = [];
  readonly refused: string[] = [];
  key = Buffer.alloc(32, 1);
  needs = 1;
  attention: object = {};
  private calls = 0;
  approvals!: ApprovalsService;
  links!: LinksService;
  notices!: AttentionService;

  constructor() {
    this.build();
  }

  /** A new life on the same disk; parked calls wait on. */
  build(): void {
    const { clock, db } = this;
    const log = new EventLog(db, clock);
    log.subscribe((event) => this.events.push(event));
    const settings = { ask_expires_after_s: () => 86_400, park_after_s: () => 1, critical_needs: () => this.needs };
    this.approvals = new ApprovalsService(db, log, clock, settings, { append: async () => undefined });
    const link_settings: LinkSettings = {
      key: () => this.key,
      roleOf: (name) => this.roles.get(name),
      public_url: () => 'http://nox.test',
      max_risk: () => 'high',
    };
    this.links = new LinksService(db, clock, this.approvals, link_settings);
    const attention_settings: AttentionSettings = {
      attention: () => Attention.parse(this.attention),
      secret: (reference) => Promise.resolve(`secret of ${reference}`),
    };
    this.notices = new AttentionService(db, log, clock, this.links, link_settings, attention_settings);
    this.notices.random = () => 0.5;
  }

  /** A parked request. */
  ask(command = 'make'): Promise<string> {
    return this.askFor('Bash', { command });
  }

  async askFor(tool_name: string, input: Record<string, unknown>, requires_user_interaction = false): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const call = {
      agent_id: 'worker',
      session_id: null,
      turn_id: 'trn',
      tool_use_id: `toolu_${(this.calls += 1)}`,
      tool_name,
      input,
      cwd: '/w',
      requires_user_interaction,
      canPark: () => true,
    };
    const deferred = this.approvals.decide(call, new AbortController().signal, resolve);
    const id = await promise;
    this.clock.advance(1000);
    await deferred;
    return id;
  }

  async token(id: string, actor: Actor = ann, username?: string): Promise<string> {
    const request = { expires_in_s: 3600, ...(username === undefined ? {} : { username }) };
    return (await this.links.create(id, request, actor)).url.split('#')[1] ?? '';
  }

  notice(id: string, fits: Partial<Notice>) {
    const wanted = Object.entries(fits);
    return eventually(`a notice with ${JSON.stringify(fits)}`, () => {
      // What is due now runs now.
      this.clock.advance(0);
      return this.notices.list(id).find((one) => wanted.every(([key, value]) => one[key as keyof Notice] === value));
    });
  }
}

describe('one-time links and notices', () => {
  let house: House;
  beforeEach(() => {
    Logger.overrideLogger(false);
    house = new House();
  });
  afterEach(async () => {
    await house.notices.stop();
    house.db.close();
  });

  describe('a link', () => {
    it('shows without deciding, decides once in the name of its user, and is gone then', async () => {
      const id = await house.ask();
      const token = await house.token(id);
      for (const _ of [1, 2])
        expect(house.links.open(token)).toMatchObject({ approval: { id }, link: { username: 'ann' } });
      expect(house.approvals.get(id).status).toBe('parked');
      const both = await Promise.allSettled([
        house.links.decide({ token, decision: 'approve', reason: 'from the train' }),
        house.links.decide({ token, decision: 'deny' }),
      ]);
      expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      expect(house.approvals.get(id)).toMatchObject({ decided_by: 'ann', channel: 'link' });
      expect(() => house.links.open(token)).toThrow(/This link is used/);
      expect(JSON.stringify(house.db.all('SELECT * FROM approval_links'))).not.toContain(token.split('.')[1]);
      expect(JSON.stringify(house.events)).not.toContain(token.split('.')[1]);
    });

    it('is nobody else’s: forged, of another request, of another key', async () => {
      const [one, two] = [await house.ask(), await house.ask()];
      const [a, b] = [await house.token(one), await house.token(two)];
      const mixed = `${a.split('.')[0] ?? ''}.${b.split('.')[1] ?? ''}`;
      for (const token of [mixed, `${a}x`, a.toLowerCase(), 'lnk_x.y', 'x'.repeat(100)])
        await expect(house.links.decide({ token, decision: 'approve' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      house.db.write((tx) => tx.run("UPDATE approval_links SET username = 'admin'")).catch(() => undefined);
      await expect(house.links.decide({ token: a, decision: 'approve' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      house.key = Buffer.alloc(32, 2);
      expect(() => house.links.open(b)).toThrow(/not one of this Nox/);
      expect([one, two].map((id) => house.approvals.get(id).status)).toEqual(['parked', 'parked']);
    });

    it('answers a question, and is not spent by an approval that answers nothing', async () => {
      const id = await house.askFor('AskUserQuestion', { questions: [{ question: 'Which?' }] }, true);
      const token = await house.token(id);
      for (const answers of [undefined, {}, { 'Who?': 'me' }])
        await expect(
          house.links.decide({ token, decision: 'approve', ...(answers === undefined ? {} : { answers }) }),
        ).rejects.toMatchObject({ code: 'VALIDATION_ERROR' });
      await expect(house.approvals.approve(id, { channel: 'api' }, ann)).rejects.toMatchObject({
        code: 'VALIDATION_ERROR',
      });
      expect(house.approvals.get(id).status).toBe('parked');
      await house.links.decide({ token, decision: 'approve', answers: { 'Which?': 'Two' } });
      expect(house.approvals.get(id)).toMatchObject({
        status: 'approved',
        updated_input: { answers: { 'Which?': 'Two' } },
      });
    });

    it('ends: expired, revoked, or with its request', async () => {
      const id = await house.ask();
      const [late, revoked, stale] = [await house.token(id), await house.token(id), await house.token(id)];
      const link = house.links.open(revoked).link;
      await expect(house.links.revoke(id, link.id, { name: 'bob', role: 'operator' })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
      expect(await house.links.revoke(id, link.id, admin)).toMatchObject({ status: 'revoked' });
      await expect(house.links.decide({ token: revoked, decision: 'approve' })).rejects.toMatchObject({
        code: 'LINK_GONE',
      });
      await house.approvals.deny(id, { channel: 'api' }, admin);
      await expect(house.links.decide({ token: stale, decision: 'approve' })).rejects.toMatchObject({
        code: 'APPROVAL_ALREADY_DECIDED',
      });
      house.clock.advance(HOUR_MS);
      await expect(house.links.decide({ token: late, decision: 'approve' })).rejects.toMatchObject({
        code: 'LINK_GONE',
      });
      await expect(house.links.create(id, { expires_in_s: 60 }, ann)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    });

    it('has no more right than its user has at that time', async () => {
      const id = await house.ask();
      const token = await house.token(id);
      await expect(house.token(id, ann, 'bob')).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(house.token(id, admin, 'eve')).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(house.token(id, admin, 'nobody')).rejects.toMatchObject({ code: 'FORBIDDEN' });
      house.roles.set('ann', 'viewer');
      await expect(house.links.decide({ token, decision: 'approve' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
      house.roles.set('ann', 'operator');
      expect((await house.links.decide({ token, decision: 'deny' })).status).toBe('denied');
      const critical = await house.ask('rm -rf /');
      await expect(house.token(critical)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    });

    it('regression: is not offered where it would be refused, and that is said', async () => {
      const fine = await house.ask();
      expect(house.links.list(fine)).toEqual({ links: [], refusal: null });
      const critical = await house.ask('rm -rf /');
      expect(house.links.list(critical)).toEqual({
        links: [],
        refusal: 'Links decide up to the risk "high"; for "critical" log in.',
      });
    });
  });

  describe('notices', () => {
    let hook: HookServer;
    let mail: MailServer;
    beforeEach(async () => {
      [hook, mail] = await Promise.all([HookServer.start(), MailServer.start()]);
      house.attention = {
        steps: [{ id: 'hook', via: 'webhook', url: hook.url, secret: 'file:hook' }],
      };
      await house.notices.start();
    });
    afterEach(() => Promise.all([hook.close(), mail.close()]));

    it('are repeated under one id until they arrive, each signed for its time', async () => {
      hook.answers.push(503, 500);
      const id = await house.ask();
      await house.notice(id, { attempts: 1 });
      house.clock.advance(5000);
      await house.notice(id, { attempts: 2 });
      house.clock.advance(10_000);
      expect(await house.notice(id, { state: 'sent' })).toMatchObject({ attempts: 3, reason: null });
      expect(hook.got.map(({ headers }) => headers['x-nox-delivery'])).toEqual(Array(3).fill(`${id}.hook`));
      const [first, , third] = hook.got;
      expect(first?.headers['x-nox-signature']).not.toBe(third?.headers['x-nox-signature']);
      expect(third?.headers['x-nox-signature']).toBe(
        signature('secret of file:hook', third?.body ?? '', house.clock.now()),
      );
    });

    it('are not redirected, and end when trying again is of no use', async () => {
      hook.answers.push(302);
      const id = await house.ask();
      expect(await house.notice(id, { state: 'failed' })).toMatchObject({ attempts: 1, reason: 'it answered 302' });
      expect(hook.got).toHaveLength(1);
    });

    it.each(['http://169.254.169.254/latest', 'http://[fe80::1]/', 'http://[::ffff:169.254.169.254]/'])(
      'are never told to %s',
      async (url) => {
        house.attention = { steps: [{ id: 'meta', via: 'slack', url }] };
        const id = await house.ask();
        expect(await house.notice(id, { state: 'failed' })).toMatchObject({ reason: 'the address is link-local' });
      },
    );

    it('give up in the end, and the request is denied by its expiry', async () => {
      house.attention = { ...house.attention, max_attempts: 2 };
      hook.answers.push(500, 500, 500);
      const id = await house.ask();
      await house.notice(id, { attempts: 1 });
      house.clock.advance(5000);
      expect(await house.notice(id, { state: 'failed' })).toMatchObject({ attempts: 2, reason: 'it answered 500' });
      house.clock.advance(24 * HOUR_MS);
      await eventually('its expiry', () => house.approvals.get(id).status === 'expired');
    });

    it('climb on after a restart, drop what is decided, and bring the second person the same link', async () => {
      house.attention = {
        smtp: { host: '127.0.0.1', port: mail.port, insecure: true, from: 'nox@example.org' },
        steps: [{ id: 'second', via: 'email', to: ['bob@example.org'], for: 'bob', after_s: 1800 }],
      };
      const [open, decided] = [await house.ask(), await house.ask()];
      await eventually('both planned', () => house.notices.list(decided).length === 1);
      await house.approvals.deny(decided, { channel: 'api' }, ann);
      await house.notices.stop();
      house.clock = new ManualClock(house.clock.now() + HOUR_MS);
      house.build();
      await house.notices.start();
      house.clock.advance(0);
      expect(await house.notice(open, { state: 'sent' })).toMatchObject({ via: 'email' });
      expect(await house.notice(decided, { state: 'dropped' })).toMatchObject({ reason: 'it is denied' });
      expect(mail.got).toHaveLength(1);
      const letter = mail.got[0]?.replaceAll('=\r\n', '').replaceAll('=3D', '=') ?? '';
      const token = /decide#(\S+)/.exec(letter)?.[1] ?? '';
      expect(await house.links.decide({ token, decision: 'approve' })).toMatchObject({ id: open, decided_by: 'bob' });
    });

    it('plan at the next start what no earlier one had planned', async () => {
      const { attention } = house;
      house.attention = {};
      const id = await house.ask();
      expect(house.notices.list(id)).toEqual([]);
      house.attention = attention;
      await house.notices.stop();
      house.clock = new ManualClock(house.clock.now());
      house.build();
      await house.notices.start();
      house.clock.advance(0);
      await house.notice(id, { state: 'sent' });
    });

    it('regression: are forgotten while a decision may still be undone', async () => {
      house.attention = { steps: [{ id: 'hook', via: 'webhook', url: hook.url, secret: 'file:hook', after_s: 10 }] };
      const id = await house.ask();
      await eventually('planned', () => house.notices.list(id).length === 1);
      await house.approvals.approve(id, { channel: 'api', undo_s: 30 }, ann);
      house.clock.advance(10_000);
      await house.notice(id, { state: 'waiting', due_at: house.clock.iso(house.clock.now() + 21_000) });
      await house.approvals.undo(id, ann);
      house.clock.advance(21_000);
      await house.notice(id, { state: 'sent' });
      expect(hook.got).toHaveLength(1);
    });

    it('hurry to the second person when the first has approved', async () => {
      house.needs = 2;
      house.attention = {
        steps: [{ id: 'hook', via: 'webhook', url: hook.url, secret: 'file:hook', for: 'bob', after_s: 1800 }],
      };
      const id = await house.ask('rm -rf /');
      await eventually('planned', () => house.notices.list(id).length === 1);
      await house.approvals.approve(id, { channel: 'api' }, ann);
      await house.notice(id, { state: 'sent' });
      // Nothing critical is decided by a link, so there is none.
      expect(JSON.parse(hook.got[0]?.body ?? '')).toMatchObject({
        link: null,
        no_link: 'Links decide up to the risk "high"; for "critical" log in.',
        url: `http://nox.test/approvals/${id}`,
        approval: { approvals_needed: 2, approvals_given: 1 },
      });
    });
  });
});
