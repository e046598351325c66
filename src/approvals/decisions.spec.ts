import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Actor } from '../contracts/auth.js';
import { EventLog } from '../events/event-log.js';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { ApprovalsService } from './approvals.service.js';
import { Decisions } from './decisions.js';
import type { GatedCall, GateDecision } from './gate.js';
import { Ledger } from './ledger/ledger.service.js';

const ann: Actor = { name: 'ann', role: 'operator' };
const bob: Actor = { name: 'bob', role: 'admin' };
const live = new AbortController().signal;

class House {
  clock = new ManualClock();
  needs = 1;
  undo_s = 0;
  readonly db = new StateDb(':memory:');
  service = this.build();
  ledger = new Ledger(this.db, this.clock);

  /** As after a crash: the old one is forgotten, its calls are gone. */
  restart(): void {
    this.clock = new ManualClock(this.clock.now());
    this.service = this.build();
  }

  async ask(change: Partial<GatedCall> = {}): Promise<{ id: string; decision: Promise<GateDecision> }> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const decision = this.service.decide(call(change), live, resolve);
    return { id: await promise, decision };
  }

  kinds(id: string): string[] {
    return this.ledger
      .list({ approval_id: id, limit: 100 })
      .entries.map(({ kind, body }) => `${kind} ${body.decided_by ?? '-'}`)
      .toReversed();
  }

  /** Everything that was begun has ended. */
  async settled(): Promise<void> {
    for (let round = 0; round < 4; round += 1) await this.db.write(() => undefined);
  }

  private build(): ApprovalsService {
    const settings = {
      ask_expires_after_s: () => 3600,
      park_after_s: () => 10,
      undo_s: () => this.undo_s,
      critical_needs: () => this.needs,
    };
    const history = { append: async () => undefined };
    const service = new ApprovalsService(this.db, new EventLog(this.db, this.clock), this.clock, settings, history);
    service.stillComesBack = () => true;
    return service;
  }
}

let calls = 0;
const call = (change: Partial<GatedCall> = {}): GatedCall => ({
  agent_id: 'worker',
  session_id: 'ses',
  turn_id: 'trn_1',
  tool_use_id: `toolu_${(calls += 1)}`,
  tool_name: 'Bash',
  input: { command: 'make' },
  cwd: '/w',
  requires_user_interaction: false,
  ...change,
});
const critical = { input: { command: 'rm -rf /' } };
/** What a call has heard, once everything that was said has arrived. */
const state = (decision: Promise<GateDecision>): Promise<string> =>
  Promise.race([
    decision.then(({ behavior }) => behavior),
    new Promise<string>((resolve) => setImmediate(() => resolve('waits'))),
  ]);

describe(Decisions.name, () => {
  let house: House;
  beforeEach(() => {
    Logger.overrideLogger(false);
    house = new House();
  });
  afterEach(() => house.db.close());

  describe('where two must approve', () => {
    beforeEach(() => {
      house.needs = 2;
    });

    it('lets one approval leave it waiting, and a second person decide', async () => {
      const { id, decision } = await house.ask(critical);
      expect(house.service.get(id)).toMatchObject({ risk_level: 'critical', approvals_needed: 2 });
      const first = await house.service.approve(id, { channel: 'api', reason: 'sure' }, ann);
      expect(first).toMatchObject({ status: 'pending', decided_by: null, votes: [{ by: 'ann', reason: 'sure' }] });
      expect(await state(decision)).toBe('waits');
      const second = await house.service.approve(id, { channel: 'cli' }, bob);
      expect(second).toMatchObject({ status: 'approved', decided_by: 'bob', votes: [{ by: 'ann' }, { by: 'bob' }] });
      expect(await decision).toMatchObject({ behavior: 'allow' });
      expect(house.kinds(id)).toEqual(['requested -', 'voted ann', 'voted bob', 'approved bob']);
    });

    it('does not take the same person for two, through whatever channel', async () => {
      const { id, decision } = await house.ask(critical);
      await house.service.approve(id, { channel: 'api' }, ann);
      for (const [channel, name] of [
        ['api', 'ann'],
        ['dashboard', 'ann'],
        ['link', 'ann'],
        ['api', 'ann+laptop'],
      ] as const)
        await expect(house.service.approve(id, { channel }, { name, role: 'admin' })).rejects.toMatchObject({
          code: 'SECOND_PERSON_NEEDED',
        });
      expect(await state(decision)).toBe('waits');
      expect(house.service.get(id)).toMatchObject({ status: 'pending', votes: [{ by: 'ann' }] });
    });

    it('needs one to deny, also after an approval', async () => {
      const { id, decision } = await house.ask(critical);
      await house.service.approve(id, { channel: 'api' }, ann);
      expect(await house.service.deny(id, { channel: 'api', reason: 'no' }, bob)).toMatchObject({ status: 'denied' });
      expect(await decision).toMatchObject({ behavior: 'deny', reason: 'no' });
    });

    it('counts only approvals of the same bytes', async () => {
      const { id, decision } = await house.ask(critical);
      await house.service.approve(id, { channel: 'api', updated_input: { command: 'rm -rf /tmp/x' } }, ann);
      const other = await house.service.approve(id, { channel: 'api' }, bob);
      expect(other).toMatchObject({ status: 'pending', votes: [{ by: 'bob' }] });
      expect(await state(decision)).toBe('waits');
      const again = await house.service.approve(id, { channel: 'api' }, ann);
      expect(again).toMatchObject({ status: 'approved', updated_input: null });
      expect(await decision).not.toHaveProperty('updated_input');
    });

    it('asks for two as soon as an edit makes it critical', async () => {
      const { id, decision } = await house.ask();
      const updated_input = critical.input;
      expect((await house.service.approve(id, { channel: 'api', updated_input }, ann)).status).toBe('pending');
      expect((await house.service.approve(id, { channel: 'api', updated_input }, bob)).status).toBe('approved');
      expect(await decision).toMatchObject({ behavior: 'allow', updated_input });
    });

    it('keeps the first approval over a restart, and lets its giver take it back', async () => {
      const { id } = await parked(house, critical);
      await house.service.approve(id, { channel: 'api' }, ann);
      house.restart();
      await house.service.recover();
      expect(house.service.get(id)).toMatchObject({ status: 'parked', votes: [{ by: 'ann' }] });
      await expect(house.service.undo(id, bob)).rejects.toMatchObject({ code: 'INVALID_STATE' });
      expect(await house.service.undo(id, ann)).toMatchObject({ status: 'parked', votes: [] });
      await house.service.approve(id, { channel: 'api' }, bob);
      expect((await house.service.approve(id, { channel: 'api' }, ann)).status).toBe('approved');
    });

    it('does not let whoever approves for two at once be counted for both', async () => {
      const { id, decision } = await house.ask(critical);
      const words = await Promise.allSettled([1, 2, 3].map(() => house.service.approve(id, { channel: 'api' }, ann)));
      expect(words.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await state(decision)).toBe('waits');
    });
  });

  describe('undo', () => {
    it('holds a decision of the dashboard until its time is over, and only then tells the call', async () => {
      house.undo_s = 3;
      const { id, decision } = await house.ask();
      const held = await house.service.approve(id, { channel: 'dashboard' }, ann);
      expect(held).toMatchObject({ status: 'pending', held: { status: 'approved', decided_by: 'ann' } });
      await expect(house.service.deny(id, { channel: 'api' }, bob)).rejects.toMatchObject({
        code: 'APPROVAL_ALREADY_DECIDED',
        message: 'This request is already approved by ann.',
      });
      house.clock.advance(2999);
      await house.settled();
      expect(await state(decision)).toBe('waits');
      house.clock.advance(1);
      expect(await decision).toMatchObject({ behavior: 'allow', by: 'ann' });
      expect(house.service.get(id)).not.toHaveProperty('held');
      expect(house.kinds(id)).toEqual(['requested -', 'held ann', 'approved ann']);
    });

    it('takes a held decision back, after which another can be made', async () => {
      house.undo_s = 3;
      const { id, decision } = await house.ask();
      await house.service.approve(id, { channel: 'dashboard' }, ann);
      expect(await house.service.undo(id, ann)).toMatchObject({ status: 'pending', decided_by: null });
      house.clock.advance(60_000);
      await house.settled();
      expect(await state(decision)).toBe('waits');
      await house.service.deny(id, { channel: 'api', reason: 'no' }, bob);
      expect(await decision).toMatchObject({ behavior: 'deny' });
      expect(house.kinds(id)).toEqual(['requested -', 'held ann', 'undone ann', 'denied bob']);
    });

    it('tells programs at once, unless they ask for time', async () => {
      house.undo_s = 3;
      const now = await house.ask();
      expect((await house.service.approve(now.id, { channel: 'api' }, ann)).status).toBe('approved');
      await expect(house.service.undo(now.id, ann)).rejects.toMatchObject({ code: 'INVALID_STATE' });
      const later = await house.ask();
      expect((await house.service.approve(later.id, { channel: 'cli', undo_s: 30 }, ann)).status).toBe('pending');
    });

    it('keeps a held decision over a crash, when its call comes back', async () => {
      const { id, again } = await parked(house);
      await house.service.approve(id, { channel: 'cli', undo_s: 30 }, ann);
      house.restart();
      await house.service.recover();
      const decision = again();
      await house.settled();
      expect(await state(decision)).toBe('waits');
      house.clock.advance(30_000);
      expect(await decision).toMatchObject({ behavior: 'allow' });
      expect(house.service.get(id).status).toBe('approved');
    });

    it('undoes a parked decision until its call has come back for it', async () => {
      const { id, again } = await parked(house);
      await house.service.approve(id, { channel: 'api' }, ann);
      expect(await house.service.undo(id, ann)).toMatchObject({ status: 'parked', decided_at: null });
      await house.service.deny(id, { channel: 'api', reason: 'no' }, ann);
      await house.service.undo(id, bob);
      await house.service.approve(id, { channel: 'api' }, ann);
      expect(await again()).toMatchObject({ behavior: 'allow' });
      await expect(house.service.undo(id, ann)).rejects.toMatchObject({ code: 'INVALID_STATE' });
      expect(await again()).toMatchObject({ behavior: 'deny', reason: 'This approval has been used already.' });
    });

    it('regression: undoes nothing that its call has heard while it waited again, and answers it once', async () => {
      const { id, again } = await parked(house);
      const waiting = again();
      await house.settled();
      expect(house.service.get(id).status).toBe('pending');
      await house.service.approve(id, { channel: 'api' }, ann);
      expect(await waiting).toMatchObject({ behavior: 'allow' });
      await expect(house.service.undo(id, ann)).rejects.toMatchObject({ code: 'INVALID_STATE' });
      expect(await again()).toMatchObject({ behavior: 'deny', reason: 'This approval has been used already.' });
    });

    it('regression: a rule does not approve what has expired meanwhile', async () => {
      const { id } = await parked(house);
      house.restart();
      house.clock.advance(3_600_000);
      const { decisions } = house.service as unknown as { decisions: Decisions };
      const ending = { status: 'approved', decided_by: 'policy', channel: 'policy', reason: 'a rule' } as const;
      expect(await decisions.rule(id, ending)).toBeNull();
      expect(house.service.get(id)).toMatchObject({ status: 'expired', decided_by: 'nox' });
    });

    it('revives nothing whose call will not come back', async () => {
      const { id } = await parked(house);
      await house.service.approve(id, { channel: 'api' }, ann);
      house.service.stillComesBack = () => false;
      await expect(house.service.undo(id, ann)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    });

    it('never outlives the request: a held denial stands at its expiry', async () => {
      const { id, decision } = await house.ask();
      house.clock.advance(3_590_000);
      await house.service.deny(id, { channel: 'cli', undo_s: 60, reason: 'no' }, ann);
      house.clock.advance(10_000);
      expect(await decision).toMatchObject({ behavior: 'deny', reason: 'no' });
    });

    it('cancels a held approval whose agent stops', async () => {
      const { id, decision } = await house.ask();
      await house.service.approve(id, { channel: 'cli', undo_s: 60 }, ann);
      await house.service.cancelForAgent('worker');
      expect(await decision).toMatchObject({ behavior: 'deny' });
      expect(house.service.get(id)).toMatchObject({ status: 'cancelled' });
      expect(house.service.get(id)).not.toHaveProperty('held');
    });
  });

  describe('groups', () => {
    it('decides identical requests together, each bound to its own bytes, and says what failed', async () => {
      const seven = await Promise.all(
        Array.from({ length: 7 }, (_, n) => house.ask({ agent_id: `agent-${n}`, cwd: `/w/${n}` })),
      );
      const other = await house.ask({ input: { command: 'make all' } });
      const elsewhere = await house.ask({ cwd: '/w/1/sub', workspace: '/w/1' });
      const [group, ...rest] = house.service.groups().toSorted((a, b) => b.members.length - a.members.length);
      expect(group).toMatchObject({ tool_name: 'Bash', input: { command: 'make' } });
      expect(group?.members.map(({ id }) => id).toSorted()).toEqual(seven.map(({ id }) => id).toSorted());
      expect(rest).toHaveLength(2);
      await house.service.deny(seven[3]?.id ?? '', { channel: 'api' }, bob);
      const ids = seven.map(({ id }) => id);
      const reply = await house.service.decideGroup(group?.key ?? '', 'approve', { channel: 'api', ids }, ann);
      expect(reply.decided).toHaveLength(6);
      expect(reply.failed).toMatchObject([{ id: seven[3]?.id, agent_id: 'agent-3', code: 'APPROVAL_ALREADY_DECIDED' }]);
      const outcomes = await Promise.all(seven.map(({ decision }) => decision));
      expect(outcomes.map(({ behavior }) => behavior)).toEqual(seven.map((_, n) => (n === 3 ? 'deny' : 'allow')));
      expect(new Set(reply.decided.map(({ input_sha256 }) => input_sha256)).size).toBe(6);
      for (const { id } of reply.decided) expect(house.kinds(id)).toEqual(['requested -', 'approved ann']);
      expect([await state(other.decision), await state(elsewhere.decision)]).toEqual(['waits', 'waits']);
      await expect(
        house.service.decideGroup(group?.key ?? '', 'approve', { channel: 'api' }, ann),
      ).rejects.toMatchObject({ code: 'APPROVAL_NOT_FOUND' });
    });

    it('does not take along what came after the decider looked', async () => {
      const seen = await house.ask();
      const unseen = await house.ask({ agent_id: 'other' });
      const key = house.service.get(seen.id).group_key ?? '';
      await house.service.decideGroup(key, 'approve', { channel: 'api', ids: [seen.id] }, ann);
      expect([await state(seen.decision), await state(unseen.decision)]).toEqual(['allow', 'waits']);
    });
  });
});

/** A request whose call was parked, and that call as it comes back. */
async function parked(
  house: House,
  change: Partial<GatedCall> = {},
): Promise<{ id: string; again: () => Promise<GateDecision> }> {
  const given = call({ ...change, canPark: () => true });
  const { promise, resolve } = Promise.withResolvers<string>();
  const deferred = house.service.decide(given, live, resolve);
  const id = await promise;
  house.clock.advance(10_000);
  expect(await deferred).toMatchObject({ behavior: 'defer' });
  return { id, again: () => house.service.decide({ ...given, canPark: () => false }, live, () => undefined) };
}
