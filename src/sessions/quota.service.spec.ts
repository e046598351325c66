import { beforeEach, describe, expect, it } from '@jest/globals';
import type { LogBook } from '../agents/log-book.js';
import type { RuntimeEvent } from '../agents/runtime/runtime.js';
import { AgentConfig, type Budget } from '../contracts/agent.js';
import { SystemConfig } from '../contracts/config.js';
import type { AnyNoxEvent } from '../contracts/event.js';
import { EventLog } from '../events/event-log.js';
import type { RegistryService } from '../registry/registry.service.js';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { HoldBook } from './hold-book.js';
import { QuotaService } from './quota.service.js';
import { SpendBook } from './spend-book.js';
import { TurnStore } from './turn-store.js';

type Result = Extract<RuntimeEvent, { type: 'result' }>;

const DAY_MS = 86_400_000;
const usage = (cost_usd: number) => ({
  input_tokens: 100,
  output_tokens: 10,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  cost_usd,
});
const failed = (status: number, text = `API Error: ${status} no`): Result => ({
  type: 'result',
  is_error: true,
  terminal_reason: 'api_error',
  text,
  usage: usage(0.5),
  api_error: { status, kind: null },
});

const answered: Result = { ...failed(0, 'done'), is_error: false, terminal_reason: 'completed' };

describe(QuotaService.name, () => {
  let clock: ManualClock;
  let db: StateDb;
  let events: EventLog;
  let turns: TurnStore;
  let quota: QuotaService;
  let told: AnyNoxEvent[];
  let resumed: string[];
  let lines: string[];
  let agents: Map<string, AgentConfig>;
  let fleet_budget: Budget;

  const open = () => {
    const registry = {
      agents: () => agents,
      config: () => SystemConfig.parse({ quota: { max_tries: 3 }, budget: fleet_budget }),
    } as unknown as RegistryService;
    const logs = { add: (_: string, __: string, line: string) => lines.push(line) } as unknown as LogBook;
    const service = new QuotaService(
      new HoldBook(db, clock),
      new SpendBook(db, clock),
      turns,
      registry,
      events,
      logs,
      db,
      clock,
    );
    service.onResume = (agent_id) => resumed.push(agent_id);
    service.recover();
    return service;
  };
  const agent = (id: string, budget?: Budget) =>
    agents.set(
      id,
      AgentConfig.parse({ name: id, created_at: clock.iso(), last_modified: clock.iso(), ...(budget && { budget }) }),
    );
  const started = async (agent_id: string, prompt = 'work') => {
    const { id } = await turns.queue({ agent_id, prompt, source: 'user', actor: 'admin' });
    await turns.begin(id, null, null);
    return id;
  };
  /** One turn from its beginning to its end, as sessions do it. */
  const spend = async (agent_id: string, cost_usd: number) => {
    const id = await started(agent_id);
    await turns.end(id, { status: 'complete', text: '', reason: null, usage: usage(cost_usd) });
    quota.spent(agent_id);
    await db.write(() => undefined);
  };
  const putBack = async (agent_id: string, id: string, result: Result) => {
    const verdict = quota.verdict(agent_id, id, result, false);
    if (verdict.action === 'put_back') await turns.putBack(id, verdict.hold, result.usage, verdict.store);
    return verdict;
  };
  const tellings = (type: string) => told.filter((event) => event.type === type).map(({ payload }) => payload);

  beforeEach(() => {
    clock = new ManualClock(new Date(2026, 10, 21, 12).getTime());
    db = new StateDb(':memory:');
    events = new EventLog(db, clock);
    turns = new TurnStore(db, events, clock);
    [told, resumed, lines, agents, fleet_budget] = [[], [], [], new Map(), {}];
    events.subscribe((event) => told.push(event));
    agent('one');
    agent('two');
    quota = open();
  });

  describe('a model that cannot answer', () => {
    it('holds the agent until the time that is said, then goes on by itself', async () => {
      const id = await started('one');
      const verdict = await putBack('one', id, failed(529));
      expect(verdict.action).toBe('put_back');
      const note = quota.note('one');
      expect(note).toMatchObject({
        activity: 'quota',
        reason: expect.stringContaining('is overloaded (529); try 2 of 3'),
      });
      const wait_ms = (note?.resume_ms ?? 0) - clock.now();
      expect(wait_ms).toBeGreaterThan(11_000);
      expect(wait_ms).toBeLessThanOrEqual(15_000);
      expect(turns.get(id)).toMatchObject({
        status: 'queued',
        started_at: null,
        resume_at: clock.iso(note?.resume_ms ?? 0),
      });
      clock.advance(wait_ms - 1);
      expect(resumed).toEqual([]);
      clock.advance(1);
      expect(resumed).toEqual(['one']);
      expect(quota.hold('one')).toBeUndefined();
    });

    it('regression: that an agent waits is told by whoever has stored it, not before', async () => {
      const id = await started('one');
      const told: string[] = [];
      quota.onChange = (agent_id) => told.push(agent_id);
      expect(quota.verdict('one', id, failed(529), false).action).toBe('put_back');
      expect(told).toEqual([]);
    });

    it('regression: that a budget or a missing login holds an agent is told when it is stored, not before', async () => {
      agent('one', { usd_per_day: 1 });
      await spend('one', 2);
      const id = await started('two');
      const seen: unknown[] = [];
      quota.onChange = (agent_id) =>
        seen.push([agent_id, db.get('SELECT cause FROM holds WHERE agent_id = ?', agent_id)]);
      expect(quota.hold('one')?.cause).toBe('budget');
      quota.verdict('two', id, failed(401), false);
      expect(quota.holdFor('two', 'login')).toBeDefined();
      expect(seen).toEqual([]);
      await db.write(() => undefined);
      expect(seen).toEqual([
        ['one', { cause: 'budget' }],
        ['two', { cause: 'login' }],
      ]);
    });

    it('asks again under a new uuid, and keeps what was said and used', async () => {
      const id = await started('one');
      const before = db.get<{ prompt_uuid: string }>('SELECT prompt_uuid FROM turns')?.prompt_uuid;
      await turns.saveBlocks(id, [{ type: 'text', text: 'half' }], () => undefined);
      await putBack('one', id, failed(500));
      const next = turns.next('one');
      expect(next).toMatchObject({ id, tries: 1, blocks: [{ type: 'text', text: 'half' }] });
      expect(next?.prompt_uuid).not.toBe(before);
      await turns.begin(id, null, null);
      const done = await turns.end(id, { status: 'complete', text: 'all', reason: null, usage: usage(1) });
      expect(done?.usage).toEqual({ ...usage(1.5), input_tokens: 200, output_tokens: 20 });
    });

    it('waits as long as a limited model wants', async () => {
      const id = await started('one');
      quota.retrying('one', {
        type: 'api_retry',
        attempt: 2,
        max_retries: 2,
        delay_ms: 3_600_000,
        status: 429,
        error: 'rate_limit',
      });
      expect(quota.note('one')?.reason).toBe('the model answers 429, try 2 of 2');
      await putBack('one', id, failed(429));
      expect(quota.note('one')?.resume_ms).toBe(clock.now() + 3_600_000);
    });

    it('waits until the limit begins anew that the CLI told of, and says when it is near', async () => {
      const id = await started('one');
      const resets_ms = clock.now() + 7_200_000;
      const limit = { type: 'rate_limit', resets_ms, window: 'five_hour' } as const;
      quota.limited('one', { ...limit, status: 'allowed_warning' });
      quota.limited('one', { ...limit, status: 'rejected' });
      quota.limited('one', { ...limit, status: 'rejected' });
      expect(lines).toEqual([
        `the five hour limit is nearly used up; it begins anew at ${clock.iso(resets_ms)}`,
        `the five hour limit is used up; it begins anew at ${clock.iso(resets_ms)}`,
      ]);
      await putBack('one', id, failed(429));
      expect(quota.note('one')?.resume_ms).toBe(resets_ms);
      clock.advance(7_200_000);
      await turns.begin(id, null, null);
      quota.limited('one', { ...limit, status: 'allowed' });
      await putBack('one', id, failed(429));
      expect(quota.note('one')?.resume_ms).toBeLessThan(clock.now() + 60_000);
    });

    it('ends the turn after max_tries, with the last reason', async () => {
      const id = await started('one');
      for (const wait_ms of [15_000, 30_000]) {
        expect((await putBack('one', id, failed(529))).action).toBe('put_back');
        clock.advance(wait_ms);
        await turns.begin(id, null, null);
      }
      expect(await putBack('one', id, failed(529))).toEqual({
        action: 'end',
        reason: 'API Error: 529 no (tried 3 times)',
      });
      expect(quota.holdFor('one', 'model')).toBeUndefined();
    });

    it('does not put back what would fail again, what a person ended, or what is no error of the model', async () => {
      const id = await started('one');
      expect(quota.verdict('one', id, failed(400), false)).toEqual({ action: 'end' });
      expect(quota.verdict('one', id, failed(529), true)).toEqual({ action: 'end' });
      expect(quota.verdict('one', id, { ...failed(529), terminal_reason: 'max_turns' }, false)).toEqual({
        action: 'end',
      });
      expect(quota.note('one')).toBeUndefined();
    });

    it('a restart of Nox keeps the time', async () => {
      const id = await started('one');
      await putBack('one', id, failed(529));
      const before = quota.note('one');
      quota = open();
      expect(quota.note('one')).toEqual(before);
      clock.advance(15_000);
      expect(resumed).toContain('one');
    });
  });

  it('without a login holds until a person does something, and says what', async () => {
    const id = await started('one');
    expect(quota.verdict('one', id, failed(401), false)).toEqual({ action: 'end' });
    expect(quota.note('one')).toMatchObject({ activity: 'idle', resume_ms: null });
    expect(quota.note('one')?.reason).toContain('Run "claude" once and log in');
    clock.advance(30 * DAY_MS);
    expect(quota.hold('one')).toMatchObject({ cause: 'login' });
    quota.nothingWaits('one');
    expect(quota.hold('one')).toMatchObject({ cause: 'login' });
    expect(quota.release('one', 'login')).toBe(true);
    expect(quota.hold('one')).toBeUndefined();
  });

  it('another model lets those try again that waited for the one before', async () => {
    const changed: string[] = [];
    quota.onModelChange = (agent_id) => changed.push(agent_id);
    quota.verdict('one', await started('one'), failed(401), false);
    await putBack('two', await started('two'), failed(529));
    await events.append('system.model_changed', { mode: 'scripted', demo: false, actor: 'admin' });
    expect(changed).toEqual(['one', 'two']);
  });

  describe('a model that refuses for want of room', () => {
    /** As the pump does it: whether a turn of the agent begins. */
    const begins = (id: string): boolean => {
      if (quota.hold(id) !== undefined) return false;
      quota.begins(id);
      under_way.add(id);
      return true;
    };
    const ends = async (id: string, result: Result) => {
      const verdict = await putBack(id, await started(id), result);
      under_way.delete(id);
      return verdict;
    };
    const notBegun = () => ['one', 'two', 'three', 'four'].filter((id) => !under_way.has(id));
    let under_way: Set<string>;

    beforeEach(() => {
      under_way = new Set();
      quota.isBusy = (id) => under_way.has(id);
      // Whoever is let go begins when it may.
      quota.onResume = (id) => {
        resumed.push(id);
        begins(id);
      };
      for (const id of ['three', 'four']) agent(id);
    });

    it('is tried by one turn at a time, not before the time it was told, until one goes through', async () => {
      expect(begins('one')).toBe(true);
      expect(begins('two')).toBe(true);
      await ends('one', failed(529));
      const until_ms = quota.note('one')?.resume_ms ?? 0;
      expect(begins('three')).toBe(false);
      expect(begins('four')).toBe(false);
      expect(quota.note('three')).toEqual({
        activity: 'quota',
        reason: `the model is overloaded (529); one turn at a time tries it, the next at ${clock.iso(until_ms)}`,
        resume_ms: until_ms,
      });
      clock.advance(until_ms - clock.now());
      // Two was under way before; of the others one alone.
      expect(notBegun()).toEqual(['three', 'four']);
      expect(quota.note('four')?.reason).toBe('the model is overloaded (529); one turn at a time tries it, one now');
      await ends('one', failed(429));
      expect(quota.note('four')).toMatchObject({ resume_ms: quota.note('one')?.resume_ms });
      clock.advance((quota.note('one')?.resume_ms ?? 0) - clock.now());
      expect(notBegun()).toEqual(['three', 'four']);
      await ends('one', answered);
      expect(notBegun()).toEqual(['one']);
      expect(quota.note('four')).toBeUndefined();
    });

    it('is open again when a turn that was under way goes through', async () => {
      begins('one');
      begins('two');
      await ends('one', failed(529));
      begins('three');
      await ends('two', answered);
      expect(under_way).toEqual(new Set(['three']));
    });

    it('is tried by the next when the turn that tries ends without an answer', async () => {
      begins('one');
      await ends('one', failed(529));
      quota.release('one');
      for (const id of ['two', 'three']) expect(begins(id)).toBe(false);
      clock.advance(60_000);
      expect(under_way).toEqual(new Set(['two']));
      clock.advance(60_000);
      expect(under_way).toEqual(new Set(['two']));
      under_way.delete('two');
      clock.advance(2000);
      expect(under_way).toEqual(new Set(['three']));
    });

    it('holds them over a restart of Nox', async () => {
      begins('one');
      await ends('one', failed(529));
      begins('two');
      await db.write(() => undefined);
      const before = quota.note('two');
      const resume = quota.onResume;
      quota = open();
      quota.isBusy = (id) => under_way.has(id);
      quota.onResume = resume;
      expect(quota.note('two')).toMatchObject({ activity: 'quota', resume_ms: before?.resume_ms });
      expect(begins('three')).toBe(false);
      clock.advance(60_000);
      expect(under_way.size).toBe(1);
    });

    it('is open again when the turn that tries has come as far as a tool call, which may wait for a person for hours', async () => {
      begins('one');
      await ends('one', failed(529));
      expect([begins('two'), begins('three')]).toEqual([false, false]);
      clock.advance(60_000);
      expect(under_way).toEqual(new Set(['one']));
      quota.calls('two');
      expect(under_way).toEqual(new Set(['one']));
      quota.calls('one');
      expect(under_way).toEqual(new Set(['one', 'two', 'three']));
    });

    it('regression: one that waits for itself alone closes the way for nobody after a restart of Nox', async () => {
      begins('one');
      begins('two');
      await ends('one', failed(529));
      await ends('two', answered);
      await db.write(() => undefined);
      quota = open();
      expect(quota.hold('one')).toMatchObject({ cause: 'model' });
      expect(begins('three')).toBe(true);
    });

    it('is nothing to a program of a person’s own', async () => {
      agents.set('two', { ...(agents.get('two') as AgentConfig), runtime: 'command' });
      begins('one');
      await ends('one', failed(529));
      expect(begins('two')).toBe(true);
    });
  });

  describe('a budget', () => {
    it('lets a turn end that goes over, holds the next, says so once, and goes on at midnight', async () => {
      agent('one', { usd_per_day: 5 });
      await spend('one', 3.9);
      expect(tellings('agent.budget_warning')).toEqual([]);
      await spend('one', 0.2);
      expect(tellings('agent.budget_warning')).toMatchObject([{ scope: 'agent', which: 'usd_per_day', limit: 5 }]);
      expect(quota.hold('one')).toBeUndefined();
      await spend('one', 0.93);
      expect(lines).toEqual(['the turn that ended used up the budget (5.03 of 5 USD); the next one waits']);
      expect(quota.hold('one')).toMatchObject({
        cause: 'budget',
        reason: expect.stringContaining('5.03 of 5 USD; goes on at'),
        resume_ms: new Date(2026, 10, 22).getTime(),
      });
      expect(quota.note('one')).toMatchObject({ activity: 'parked' });
      quota.hold('one');
      await db.write(() => undefined);
      expect(tellings('agent.budget_exceeded')).toHaveLength(1);
      clock.advance(12 * 3_600_000);
      expect(resumed).toEqual(['one']);
      expect(quota.hold('one')).toBeUndefined();
      await db.write(() => undefined);
      expect(tellings('agent.resumed')).toHaveLength(1);
    });

    it('that is raised lets the turns go on; one that is raised too little does not', async () => {
      agent('one', { turns_per_day: 1 });
      await spend('one', 0);
      expect(quota.hold('one')).toMatchObject({ reason: expect.stringContaining('1 of 1 turns') });
      const commit = async (budget: Budget) => {
        agent('one', budget);
        await events.append('registry.committed', { commit: {} as never });
      };
      await spend('one', 0);
      await commit({ turns_per_day: 2 });
      expect(resumed).toEqual([]);
      expect(quota.note('one')?.reason).toContain('2 of 2 turns');
      await commit({ turns_per_day: 3 });
      expect(resumed).toEqual(['one']);
    });

    it('of all agents holds each of them', async () => {
      fleet_budget = { tokens_per_day: 200 };
      await spend('one', 0);
      expect(quota.hold('two')).toBeUndefined();
      await spend('two', 0);
      for (const id of ['one', 'two']) expect(quota.hold(id)?.reason).toContain('the budget of all agents');
    });

    it('counts the same after a restart, and not what was used yesterday', async () => {
      agent('one', { usd_per_day: 5 });
      await spend('one', 4);
      clock.advance(DAY_MS);
      await spend('one', 3);
      await putBack('one', await started('one'), failed(500));
      quota = open();
      quota.release('one');
      quota.verdict('one', 'trn_none', answered, false);
      expect(quota.hold('one')).toBeUndefined();
      await spend('one', 1.5);
      expect(quota.hold('one')?.reason).toContain('5.00 of 5 USD');
    });
  });

  it('shows days newest first, with those on which nothing happened', async () => {
    await spend('one', 1);
    clock.advance(2 * DAY_MS);
    await spend('one', 2);
    await spend('two', 3);
    const spends = new SpendBook(db, clock);
    expect(spends.days('one', 3).map(({ day, turns: n, cost_usd }) => [day, n, cost_usd])).toEqual([
      ['2026-11-23', 1, 2],
      ['2026-11-22', 0, 0],
      ['2026-11-21', 1, 1],
    ]);
    const { days, agents } = spends.fleetDays(3);
    expect(days.map(({ day, turns: n, cost_usd }) => [day, n, cost_usd])).toEqual([
      ['2026-11-23', 2, 5],
      ['2026-11-22', 0, 0],
      ['2026-11-21', 1, 1],
    ]);
    expect(agents.map(({ agent_id, turns: n, cost_usd }) => [agent_id, n, cost_usd])).toEqual([
      ['one', 2, 3],
      ['two', 1, 3],
    ]);
    expect(spends.fleetDays(1).agents.map(({ agent_id }) => agent_id)).toEqual(['two', 'one']);
    expect(spends.fleetToday()).toEqual({
      today: { day: '2026-11-23', turns: 2, input_tokens: 200, output_tokens: 20, cost_usd: 5 },
      agents: [
        { agent_id: 'two', turns: 1, input_tokens: 100, output_tokens: 10, cost_usd: 3 },
        { agent_id: 'one', turns: 1, input_tokens: 100, output_tokens: 10, cost_usd: 2 },
      ],
    });
  });
});
