import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Approval } from '../contracts/approval.js';
import type { Actor } from '../contracts/auth.js';
import type { AnyNoxEvent } from '../contracts/event.js';
import type { Turn } from '../contracts/turn.js';
import { EventLog } from '../events/event-log.js';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { ApprovalsService } from './approvals.service.js';
import { bindingHash } from './binding-hash.js';
import type { GatedCall, GateDecision } from './gate.js';
import { ApprovalHistory, ApprovalSettings } from './ports.js';

const admin: Actor = { name: 'admin', role: 'admin' };
const HOUR_MS = 3_600_000;

class Settings extends ApprovalSettings {
  ask_expires_after_s(): number {
    return 3600;
  }
}

class History extends ApprovalHistory {
  readonly kept: Approval[] = [];
  broken = false;
  async append(approval: Approval): Promise<void> {
    if (this.broken) throw new Error('git is broken');
    this.kept.push(Approval.parse(approval));
  }
}

class House {
  readonly clock = new ManualClock();
  readonly events: EventLog;
  readonly service: ApprovalsService;
  readonly told: AnyNoxEvent[] = [];

  constructor(
    readonly db = new StateDb(':memory:'),
    readonly history = new History(),
  ) {
    this.events = new EventLog(db, this.clock);
    this.events.subscribe((event) => this.told.push(event));
    this.service = new ApprovalsService(db, this.events, this.clock, new Settings(), history);
  }

  types(): string[] {
    return this.told.map((event) => event.type);
  }

  /** Asks; resolves when the request waits, with what can be done to it. */
  async ask(
    change: Partial<GatedCall> = {},
  ): Promise<{ id: string; decision: Promise<GateDecision>; abort: () => void }> {
    const controller = new AbortController();
    const { promise, resolve } = Promise.withResolvers<string>();
    const decision = this.service.decide(call(change), controller.signal, resolve);
    return { id: await promise, decision, abort: () => controller.abort() };
  }
}

let calls = 0;
const call = (change: Partial<GatedCall> = {}): GatedCall => ({
  agent_id: 'worker',
  session_id: 'ses',
  turn_id: 'trn_1',
  tool_use_id: `toolu_${(calls += 1)}`,
  tool_name: 'Bash',
  input: { command: 'npm test' },
  cwd: '/w',
  requires_user_interaction: false,
  ...change,
});
const cutOff: Turn = {
  id: 'trn_cut',
  agent_id: 'worker',
  session_id: 'ses',
  source: 'user',
  actor: 'admin',
  prompt: 'go',
  status: 'interrupted',
  text: '',
  blocks: [
    {
      type: 'tool',
      tool: {
        tool_use_id: 'toolu_cut',
        name: 'Bash',
        input: {},
        input_sha256: '',
        decision: 'allow',
        approval_id: null,
        result: null,
        is_error: null,
      },
    },
  ],
  usage: null,
  reason: 'the process ended: killed',
  queued_at: '2026-11-29T10:00:00.000Z',
  started_at: '2026-11-29T10:00:00.000Z',
  ended_at: '2026-11-29T10:00:01.000Z',
};
const live = new AbortController().signal;
const never = (): void => {
  throw new Error('must not be told');
};

describe(ApprovalsService.name, () => {
  let house: House;
  beforeEach(() => {
    Logger.overrideLogger(false);
    house = new House();
  });
  afterEach(() => house.db.close());

  it('lets a harmless call run at once, without a request', async () => {
    const decision = await house.service.decide(call({ tool_name: 'TodoWrite', input: { todos: [] } }), live, never);
    expect(decision).toMatchObject({ behavior: 'allow', by: 'policy', approval_id: null });
    expect(house.service.list({ page: 1, limit: 10 }).pagination.total).toBe(0);
    expect(house.types()).toEqual([]);
  });

  it('holds even a harmless call that wants a person', async () => {
    const { id } = await house.ask({ tool_name: 'TodoWrite', input: { todos: [] }, requires_user_interaction: true });
    expect(house.service.get(id)).toMatchObject({ status: 'pending', request_type: 'question', risk_level: 'low' });
  });

  it('has a request on the disk before anybody hears of it', async () => {
    const seen: unknown[] = [];
    house.events.subscribe((event) => {
      if (event.type === 'approval.requested') seen.push(house.service.get(event.payload.approval.id).status);
    });
    const asked = call();
    let told = false;
    const shown = Promise.withResolvers<void>();
    void house.service.decide(asked, live, (id) => {
      told = true;
      seen.push(house.service.get(id).status);
      shown.resolve();
    });
    expect({ told, types: house.types() }).toEqual({ told: false, types: [] });
    await shown.promise;
    expect(seen).toEqual(['pending', 'pending']);
    const [approval] = house.service.list({ page: 1, limit: 10 }).approvals;
    expect(Approval.parse(approval)).toMatchObject({
      agent_id: 'worker',
      tool_name: 'Bash',
      input: { command: 'npm test' },
      input_sha256: bindingHash(asked),
      risk_level: 'medium',
      request_type: 'tool_use',
      expires_at: house.clock.iso(house.clock.now() + HOUR_MS),
    });
  });

  it('has the decision on the disk before the call goes on', async () => {
    const { id, decision } = await house.ask();
    const status = decision.then(() => house.service.get(id).status);
    const approval = await house.service.approve(id, { channel: 'cli', reason: 'fine' }, admin);
    expect(approval).toMatchObject({ status: 'approved', decided_by: 'admin', channel: 'cli', reason: 'fine' });
    await expect(decision).resolves.toEqual({ behavior: 'allow', by: 'admin', reason: 'fine', approval_id: id });
    await expect(status).resolves.toBe('approved');
    expect(house.types()).toEqual(['approval.requested', 'approval.decided']);
    await house.service.idle();
    expect(house.history.kept).toEqual([approval]);
  });

  it('can be decided by whoever hears of it first, at that very moment', async () => {
    let answer: Promise<Approval> | undefined;
    house.events.subscribe((event) => {
      if (event.type === 'approval.requested')
        answer = house.service.approve(event.payload.approval.id, { channel: 'api' }, admin);
    });
    const { decision } = await house.ask();
    await expect(answer).resolves.toMatchObject({ status: 'approved' });
    await expect(decision).resolves.toMatchObject({ behavior: 'allow' });
  });

  it('hands the reason of a denial to the agent', async () => {
    const { id, decision } = await house.ask();
    await house.service.deny(id, { channel: 'dashboard', reason: 'not on Fridays' }, admin);
    await expect(decision).resolves.toEqual({
      behavior: 'deny',
      by: 'admin',
      reason: 'not on Fridays',
      approval_id: id,
    });
  });

  it('has one winner when approvals and denials race', async () => {
    for (let round = 0; round < 50; round += 1) {
      const { id, decision } = await house.ask();
      const words = Array.from({ length: 10 }, (_, at) =>
        (at + round) % 2 === 0
          ? house.service.approve(id, { channel: 'api', reason: `${at}` }, admin)
          : house.service.deny(id, { channel: 'api', reason: `${at}` }, admin),
      );
      const results = await Promise.allSettled(words);
      const won = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
      expect(won).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') {
          expect(result.reason).toMatchObject({ code: 'APPROVAL_ALREADY_DECIDED', details: { approval: won[0] } });
        }
      }
      const { behavior, reason } = await decision;
      expect({ behavior, reason }).toEqual({
        behavior: won[0]?.status === 'approved' ? 'allow' : 'deny',
        reason: won[0]?.reason,
      });
    }
    await house.service.idle();
    expect(house.history.kept).toHaveLength(50);
  });

  it('takes an expiry for a denial, with one timer for many requests', async () => {
    const first = await house.ask();
    house.clock.advance(HOUR_MS / 2);
    const others = await Promise.all(Array.from({ length: 100 }, () => house.ask()));
    const third = await house.ask();
    await house.service.approve(third.id, { channel: 'api' }, admin);
    house.clock.advance(HOUR_MS / 2);
    await expect(first.decision).resolves.toMatchObject({ behavior: 'deny', by: 'nox' });
    expect(house.service.pendingCount()).toBe(100);
    house.clock.advance(HOUR_MS / 2);
    const decisions = await Promise.all(others.map((other) => other.decision));
    expect(decisions.every((decision) => decision.behavior === 'deny')).toBe(true);
    expect(house.types().filter((type) => type === 'approval.expired')).toHaveLength(101);
    expect(house.service.get(first.id)).toMatchObject({ status: 'expired', decided_by: 'nox', channel: 'nox' });
  });

  it('refuses an approval after the expiry also when the timer is late', async () => {
    const { id, decision } = await house.ask();
    const late = new LateClock(house.clock.now() + HOUR_MS);
    Object.assign((house.service as unknown as { decisions: { parts: object } }).decisions.parts, { clock: late });
    await expect(house.service.approve(id, { channel: 'api' }, admin)).rejects.toMatchObject({
      code: 'APPROVAL_ALREADY_DECIDED',
      details: { approval: { status: 'expired' } },
    });
    await expect(decision).resolves.toMatchObject({ behavior: 'deny' });
  });

  it('cancels a request whose call waits no more, and refuses to approve it', async () => {
    const { id, decision, abort } = await house.ask();
    abort();
    const late = house.service.approve(id, { channel: 'api' }, admin);
    await expect(late).rejects.toMatchObject({ code: 'APPROVAL_ALREADY_DECIDED' });
    await expect(decision).resolves.toMatchObject({ behavior: 'deny', by: 'nox' });
    expect(house.service.get(id)).toMatchObject({ status: 'cancelled' });
    expect(house.types()).toEqual(['approval.requested', 'approval.cancelled']);
  });

  it('cancels a request when the abort overtakes an approval that is not stored yet', async () => {
    const { id, decision, abort } = await house.ask();
    const approval = house.service.approve(id, { channel: 'api' }, admin);
    abort();
    await expect(approval).rejects.toMatchObject({ code: 'APPROVAL_ALREADY_DECIDED' });
    await expect(decision).resolves.toMatchObject({ behavior: 'deny' });
  });

  it('denies a call that was given up before it was stored', async () => {
    const gone = AbortSignal.abort();
    await expect(house.service.decide(call(), gone, () => undefined)).resolves.toMatchObject({ behavior: 'deny' });
    await expect(house.service.decide(call({ tool_name: 'TaskList', input: {} }), gone, never)).resolves.toMatchObject({
      behavior: 'deny',
    });
    expect(house.service.pendingCount()).toBe(0);
  });

  it('cancels what a turn or an agent waits for, and nothing else', async () => {
    const [a, b, c] = await Promise.all([
      house.ask(),
      house.ask({ turn_id: 'trn_2' }),
      house.ask({ agent_id: 'other', turn_id: 'trn_3' }),
    ]);
    await expect(house.service.cancelForTurn('trn_1')).resolves.toHaveLength(1);
    await expect(a.decision).resolves.toMatchObject({ behavior: 'deny' });
    expect([house.service.pendingCount(), house.service.pendingCount('worker')]).toEqual([2, 1]);
    await expect(house.service.cancelForAgent('worker', 'deleted')).resolves.toMatchObject([{ reason: 'deleted' }]);
    await expect(b.decision).resolves.toMatchObject({ reason: 'deleted' });
    await house.service.approve(c.id, { channel: 'api' }, admin);
    await expect(c.decision).resolves.toMatchObject({ behavior: 'allow' });
  });

  it('ends at start what an earlier Nox left waiting', async () => {
    const old = await house.ask();
    house.clock.advance(HOUR_MS - 1);
    const young = await house.ask();
    const next = new House(house.db, house.history);
    next.clock.advance(HOUR_MS);
    await expect(next.service.approve(young.id, { channel: 'api' }, admin)).rejects.toMatchObject({
      details: { approval: { status: 'cancelled' } },
    });
    const another = await house.ask();
    await expect(next.service.recover()).resolves.toMatchObject([
      { id: old.id, status: 'expired' },
      { id: another.id, status: 'cancelled', reason: 'Nox restarted' },
    ]);
    expect(next.service.pendingCount()).toBe(0);
  });

  it('leaves living calls alone when it recovers late', async () => {
    const { id, decision } = await house.ask();
    await expect(house.service.recover()).resolves.toEqual([]);
    await house.service.approve(id, { channel: 'api' }, admin);
    await expect(decision).resolves.toMatchObject({ behavior: 'allow' });
  });

  it('runs an edited input, and keeps what was asked beside it', async () => {
    const { id, decision } = await house.ask();
    const updated_input = { command: 'curl https://example.com' };
    const before = house.service.get(id);
    const approval = await house.service.approve(id, { channel: 'api', updated_input }, admin);
    await expect(decision).resolves.toMatchObject({ behavior: 'allow', updated_input });
    expect(approval).toMatchObject({ input: before.input, input_sha256: before.input_sha256, risk_level: 'high' });
    expect(approval.updated_input_sha256).toBe(bindingHash({ ...before, input: updated_input }));
    expect(approval.reasons).toEqual([...before.reasons, expect.stringMatching(/^edited: talks to other machines/)]);
  });

  it('takes the same input for no edit', async () => {
    const { id, decision } = await house.ask({ input: { command: 'npm test', timeout: 5 } });
    await house.service.approve(id, { channel: 'api', updated_input: { timeout: 5, command: 'npm test' } }, admin);
    expect(await decision).not.toHaveProperty('updated_input');
    expect(house.service.get(id).updated_input).toBeNull();
  });

  it.each<[string, unknown]>([
    ['a list', []],
    ['no JSON', { command: Number.NaN }],
    ['too large', { command: 'x'.repeat(2 * 1_048_576) }],
  ])('refuses an edited input that is %s; the call waits on', async (_, input) => {
    const { id } = await house.ask();
    const updated_input = input as Record<string, unknown>;
    await expect(house.service.approve(id, { channel: 'api', updated_input }, admin)).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
    });
    expect(house.service.get(id).status).toBe('pending');
  });

  it('does not let an old decision serve a new call', async () => {
    const first = await house.ask({ tool_use_id: 'same' });
    await house.service.approve(first.id, { channel: 'api' }, admin);
    const second = await house.ask({ tool_use_id: 'same' });
    expect(second.id).not.toBe(first.id);
    await expect(house.service.approve(first.id, { channel: 'api' }, admin)).rejects.toMatchObject({
      code: 'APPROVAL_ALREADY_DECIDED',
    });
    expect(house.service.get(second.id).status).toBe('pending');
  });

  it('denies a call that changed while it waited', async () => {
    const input: Record<string, unknown> = { command: 'npm test' };
    const { id, decision } = await house.ask({ input });
    input['command'] = 'rm -rf /';
    await house.service.approve(id, { channel: 'api' }, admin);
    await expect(decision).resolves.toMatchObject({ behavior: 'deny', reason: 'The call changed while it waited.' });
    expect(house.service.get(id).input).toEqual({ command: 'npm test' });
  });

  it.each<Actor>([
    { name: 'agent:worker', role: 'admin' },
    { name: 'Agent:worker', role: 'operator' },
    { name: 'eve', role: 'viewer' },
  ])('does not let %j decide', async (actor) => {
    const { id } = await house.ask();
    await expect(house.service.approve(id, { channel: 'api' }, actor)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(house.service.deny(id, { channel: 'api' }, actor)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(house.service.get(id).status).toBe('pending');
  });

  it('answers APPROVAL_NOT_FOUND for an unknown id', async () => {
    const code = { code: 'APPROVAL_NOT_FOUND' };
    await expect(house.service.approve('apr_x', { channel: 'api' }, admin)).rejects.toMatchObject(code);
    await expect(house.service.deny('apr_x', { channel: 'api' }, admin)).rejects.toMatchObject(code);
    expect(() => house.service.get('apr_x')).toThrow(expect.objectContaining(code));
  });

  it('keeps a large input as it is, and refuses a larger one', async () => {
    const content = 'é'.repeat(500_000);
    const { id } = await house.ask({ tool_name: 'Write', input: { file_path: 'a', content } });
    expect(house.service.get(id).input).toEqual({ file_path: 'a', content });
    const huge = call({ tool_name: 'Write', input: { file_path: 'a', content: 'é'.repeat(1_048_576) } });
    await expect(house.service.decide(huge, live, never)).resolves.toMatchObject({
      behavior: 'deny',
      reason: expect.stringContaining('2 MiB'),
    });
  });

  it('notes what became of an approved call, once', async () => {
    const { id } = await house.ask({ tool_use_id: 'toolu_run' });
    const denied = await house.ask({ tool_use_id: 'toolu_denied' });
    await house.service.approve(id, { channel: 'api' }, admin);
    await house.service.deny(denied.id, { channel: 'api' }, admin);
    await house.service.idle();
    const note = { executed: true, result: 'ok' };
    await expect(house.service.recordExecution('toolu_run', 'other', note)).resolves.toBeUndefined();
    await expect(house.service.recordExecution('toolu_denied', 'worker', note)).resolves.toBeUndefined();
    await expect(house.service.recordExecution('toolu_run', 'worker', note)).resolves.toMatchObject({ id, ...note });
    await expect(
      house.service.recordExecution('toolu_run', 'worker', { executed: false, result: null }),
    ).resolves.toBeUndefined();
    await house.service.idle();
    expect(house.types().filter((type) => type === 'approval.executed')).toHaveLength(1);
    expect(house.history.kept.map((kept) => [kept.id, kept.executed])).toEqual([
      [id, null],
      [denied.id, null],
      [id, true],
    ]);
  });

  it('regression: says that nobody will know whether a call ran whose turn was cut off', async () => {
    const { id } = await house.ask({ tool_use_id: 'toolu_cut', turn_id: 'trn_cut' });
    await house.service.approve(id, { channel: 'api' }, admin);
    expect(house.service.get(id)).toMatchObject({ executed: null, result: null });
    const noted = new Promise<void>((resolve) => {
      house.events.subscribe(({ type }) => {
        if (type === 'approval.executed') resolve();
      });
    });
    await house.db.write((tx) => house.events.appendIn(tx, 'turn.ended', { turn: cutOff, usage: null }, 'worker'));
    await noted;
    const result = 'Whether it ran is not known: the process ended: killed';
    expect(house.service.get(id)).toMatchObject({ executed: null, result });
  });

  it('lists pending ones first and oldest first, ended ones newest first', async () => {
    const ids: string[] = [];
    for (let at = 0; at < 5; at += 1) {
      ids.push((await house.ask({ agent_id: at === 4 ? 'other' : 'worker' })).id);
      house.clock.advance(at === 1 ? 0 : 1000);
    }
    for (const at of [1, 2]) await house.service.deny(ids[at] ?? '', { channel: 'api' }, admin);
    const order = (query: object): number[] =>
      house.service.list({ page: 1, limit: 10, ...query }).approvals.map(({ id }) => ids.indexOf(id));
    expect(order({})).toEqual([0, 3, 4, 2, 1]);
    expect(order({ status: 'pending' })).toEqual([0, 3, 4]);
    expect(order({ status: 'denied' })).toEqual([2, 1]);
    expect(order({ agent_id: 'other' })).toEqual([4]);
    expect(order({ page: 2, limit: 2 })).toEqual([4, 2]);
    expect(house.service.list({ page: 2, limit: 2 }).pagination).toEqual({ page: 2, limit: 2, total: 5 });
  });

  describe('when the disk refuses', () => {
    it('denies a call that cannot be stored, and shows nothing', async () => {
      house.db.close();
      await expect(house.service.decide(call(), live, never)).resolves.toMatchObject({ behavior: 'deny', by: 'nox' });
      expect(house.types()).toEqual([]);
    });

    it('denies a call whose input is not JSON', async () => {
      const loop: Record<string, unknown> = { command: 'npm test' };
      loop['self'] = loop;
      for (const input of [loop, { command: 'npm test', n: Number.NaN }]) {
        await expect(house.service.decide(call({ input }), live, never)).resolves.toMatchObject({ behavior: 'deny' });
      }
    });

    it('denies and cancels when the news cannot be passed on', async () => {
      await expect(house.service.decide(call(), live, never)).resolves.toMatchObject({ behavior: 'deny' });
      await house.db.write(() => undefined);
      expect(house.service.list({ page: 1, limit: 1 }).approvals).toMatchObject([{ status: 'cancelled' }]);
    });

    it('does not let an approval through that is not stored; the call waits on', async () => {
      const { id, decision } = await house.ask();
      await house.db.write((tx) => tx.run('ALTER TABLE events RENAME TO gone'));
      await expect(house.service.approve(id, { channel: 'api' }, admin)).rejects.toMatchObject({
        code: 'STORAGE_FAILED',
      });
      expect(house.service.get(id).status).toBe('pending');
      await house.db.write((tx) => tx.run('ALTER TABLE gone RENAME TO events'));
      await house.service.approve(id, { channel: 'api' }, admin);
      await expect(decision).resolves.toMatchObject({ behavior: 'allow' });
    });

    it.each<[string, (house: House, abort: () => void) => unknown]>([
      ['expiry', ({ clock }) => clock.advance(HOUR_MS)],
      ['abort', (_, abort) => abort()],
      ['stop of its agent', ({ service }) => service.cancelForAgent('worker')],
    ])('denies at the %s all the same', async (_, end) => {
      const { decision, abort } = await house.ask();
      await house.db.write((tx) => tx.run('ALTER TABLE events RENAME TO gone'));
      end(house, abort);
      await expect(decision).resolves.toMatchObject({ behavior: 'deny', by: 'nox' });
    });

    it('stores an expiry later that could not be stored at its time', async () => {
      const { id, decision } = await house.ask();
      await house.db.write((tx) => tx.run('ALTER TABLE events RENAME TO gone'));
      house.clock.advance(HOUR_MS);
      await decision;
      expect(house.service.get(id).status).toBe('pending');
      await house.db.write((tx) => tx.run('ALTER TABLE gone RENAME TO events'));
      house.clock.advance(5000);
      await house.db.write(() => undefined);
      expect(house.service.get(id).status).toBe('expired');
    });

    it('does not wait for a broken history, and tells it later what it missed', async () => {
      house.history.broken = true;
      const first = await house.ask();
      await house.service.approve(first.id, { channel: 'api' }, admin);
      await expect(first.decision).resolves.toMatchObject({ behavior: 'allow' });
      await house.service.idle();
      house.history.broken = false;
      const second = await house.ask();
      await house.service.deny(second.id, { channel: 'api' }, admin);
      await house.service.idle();
      expect(house.history.kept.map(({ id }) => id)).toEqual([first.id, second.id]);
      const next = new House(house.db);
      await next.service.recover();
      await next.service.idle();
      expect(next.history.kept).toEqual([]);
    });
  });
});

/** A clock whose timers never ring. */
class LateClock extends ManualClock {
  override after(): () => void {
    return () => undefined;
  }
}
