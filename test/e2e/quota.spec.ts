import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PromptFrame } from '../../src/contracts/turn.js';
import { CLAUDE_PATH } from '../support/claude-env.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** Longer than anything here takes: the clock is set forward instead. */
const QUOTA_MS = 10 * 60_000;

/** Errors of the model and budgets, with the real Claude CLI on the scripted model: states with a time, never silence. */
describe('quota and money', () => {
  let nox: NoxServer;
  const id = 'worker';
  const prompt = (content: string, wait = true) =>
    nox.call('agents_prompt', { params: { id }, body: { content, wait } });
  const status = () => nox.call('agents_status', { params: { id } });
  const turn = (turn_id: string) => nox.call('turns_get', { params: { id: turn_id } });
  const ended = (turn_id: string) =>
    eventually('the end of the turn', async () => {
      const found = await turn(turn_id);
      return found.ended_at === null ? undefined : found;
    });
  /** Its end, with Nox's clock set forward as often as whoever has work waits for the model: one that works would seem to hang. */
  const endedInTime = (turn_id: string) =>
    eventually('the end of the turn', async () => {
      const { agents } = await nox.call('agents_list');
      const busy = agents.filter((agent) => agent.activity !== 'idle' || agent.queued_turns > 0);
      if (busy.length > 0 && busy.every((agent) => agent.activity === 'quota')) await nox.advance(QUOTA_MS);
      const found = await turn(turn_id);
      return found.ended_at === null ? undefined : found;
    });
  const activity = (wanted: string) =>
    eventually(`the agent is ${wanted}`, async () => {
      const found = await status();
      return found.activity === wanted ? found : undefined;
    });
  const told = async (type: string) =>
    (await nox.call('events', { query: { follow: 'false', after_seq: 0, limit: 1000 } })).events.filter(
      (event) => event.type === type,
    );
  /** Settings are edited by hand while Nox is away. */
  const configure = async (text: string) => {
    await nox.kill('SIGTERM');
    const file = join(nox.registry, 'system-config.toml');
    writeFileSync(file, `schema_version = 1\n[claude_cli]\nmodel_endpoint = "scripted"\n${text}`);
    expect(readFileSync(file, 'utf8')).toContain(text);
    await nox.boot();
  };
  const quota = (initial_ms = QUOTA_MS, max_tries = 8) =>
    configure(`[quota]\ninitial_ms = ${initial_ms}\nmax_tries = ${max_tries}\n`);
  const create = (budget = {}, idle = {}) =>
    nox.call('agents_create', { body: { name: 'Worker', id, start: true, budget, idle } });

  beforeEach(async () => {
    nox = await NoxServer.start({ env: { NOX_CLAUDE_PATH: CLAUDE_PATH } });
  });
  afterEach(() => nox.close());

  it('puts a turn off when the model is overloaded, shows until when, and completes it by itself', async () => {
    await quota();
    await create();
    const frames: PromptFrame[] = [];
    const streamed = (async () => {
      for await (const frame of nox.client.prompt(id, 'error 529 x3\nsay at last')) frames.push(frame);
    })();
    const retrying = await eventually('a retry is said', async () => {
      const found = await status();
      return found.reason?.startsWith('the model answers 529') === true ? found : undefined;
    });
    expect(retrying).toMatchObject({ activity: 'working', reason: expect.stringMatching(/try [12] of 2$/) });
    const waiting = await activity('quota');
    expect(waiting).toMatchObject({
      status: 'parked',
      queued_turns: 1,
      reason: expect.stringContaining('the model is overloaded (529); try 2 of 8 at'),
    });
    expect(Date.parse(waiting.resume_at ?? '')).toBeGreaterThan(Date.now() - 1000);
    const turn_id = frames[0]?.event === 'message_start' ? frames[0].data.turn_id : '';
    expect(await turn(turn_id)).toMatchObject({
      status: 'queued',
      reason: waiting.reason,
      resume_at: waiting.resume_at,
    });
    await endedInTime(turn_id);
    await streamed;
    expect(frames.map(({ event }) => event)).toEqual(['message_start', 'postponed', 'content', 'message_end']);
    expect(frames.at(-1)).toMatchObject({ data: { turn_id, status: 'complete', text: 'at last' } });
    expect(await turn(turn_id)).not.toHaveProperty('resume_at');
    expect(await told('agent.resumed')).toHaveLength(1);
    const after = await activity('idle');
    expect(after.reason).toBeUndefined();
    const { days } = await nox.call('agents_usage', { params: { id } });
    expect(days).toHaveLength(7);
    expect(days[0]).toMatchObject({ turns: 1 });
  });

  it('gives up after max_tries, and the next turn is not harmed', async () => {
    await quota(10, 2);
    await create();
    const reply = await prompt('error 500');
    expect(reply).toMatchObject({
      status: 'error',
      reason: expect.stringMatching(/API Error: 500 .*\(tried 2 times\)$/),
    });
    expect(await prompt('say fine')).toMatchObject({ status: 'complete', text: 'fine' });
  });

  it('without a login ends one turn, holds the others, and goes on when a person comes', async () => {
    await quota();
    await create();
    const first = prompt('error 401').catch((error: unknown) => error);
    await activity('working');
    const second = prompt('say still here').catch((error: unknown) => error);
    expect(await first).toMatchObject({ status: 503, code: 'MODEL_UNAVAILABLE' });
    expect(await second).toMatchObject({ status: 503, code: 'MODEL_UNAVAILABLE', details: { status: 'queued' } });
    expect(await status()).toMatchObject({
      activity: 'idle',
      queued_turns: 1,
      reason: expect.stringContaining('Run "claude" once and log in'),
    });
    expect(await prompt('say third')).toMatchObject({ status: 'complete', text: 'third' });
    const { turns } = await nox.call('agents_conversation', { params: { id } });
    expect(turns.map((each) => [each.prompt, each.status])).toEqual([
      ['error 401', 'error'],
      ['say still here', 'complete'],
      ['say third', 'complete'],
    ]);
    expect((await status()).reason).toBeUndefined();
  });

  it('goes on at the time that was said, also when Nox is killed meanwhile', async () => {
    await quota();
    await create();
    const { turn_id } = await prompt('error 529 x3\nsay survived', false);
    const before = await activity('quota');
    await nox.restart('SIGKILL');
    const again = await activity('quota');
    expect(again).toMatchObject({ reason: before.reason, resume_at: before.resume_at, queued_turns: 1 });
    expect((await turn(turn_id)).started_at).toBeNull();
    // The scripted model has forgotten how often it failed, and does so again.
    const done = await endedInTime(turn_id);
    expect(done).toMatchObject({ status: 'complete', text: 'survived' });
    expect(Date.parse(done.ended_at ?? '')).toBeGreaterThan(Date.parse(before.resume_at ?? ''));
  });

  it('lets the turns of other agents wait behind the one that was refused, until the model answers', async () => {
    await quota();
    await create();
    await nox.call('agents_create', { body: { name: 'Other', id: 'other', start: true } });
    const first = await prompt('error 529 x3\nsay first', false);
    const { resume_at } = await activity('quota');
    const second = await nox.call('agents_prompt', {
      params: { id: 'other' },
      body: { content: 'say second', wait: false },
    });
    const reason = expect.stringContaining('the model is overloaded (529); one turn at a time tries it, the next at');
    expect(await turn(second.turn_id)).toMatchObject({ status: 'queued', reason, resume_at });
    const other = await nox.call('agents_status', { params: { id: 'other' } });
    expect(other).toMatchObject({ status: 'parked', activity: 'quota', queued_turns: 1, reason, resume_at });
    expect(await endedInTime(first.turn_id)).toMatchObject({ status: 'complete', text: 'first' });
    expect(await ended(second.turn_id)).toMatchObject({ status: 'complete', text: 'second' });
  });

  it('sleeps while it waits, and is awake in time', async () => {
    await quota();
    await create({}, { hibernate_after_s: 1 });
    const { turn_id } = await prompt('error 529 x3\nsay awake', false);
    const asleep = await eventually('it sleeps', async () => {
      const found = await status();
      return found.process_state === 'hibernated' ? found : undefined;
    });
    expect(asleep).toMatchObject({ activity: 'quota', queued_turns: 1, pid: null });
    expect(asleep.reason).toContain('the model is overloaded');
    expect(Date.parse(asleep.resume_at ?? '')).toBeGreaterThan(Date.now());
    expect(await endedInTime(turn_id)).toMatchObject({ status: 'complete', text: 'awake' });
  });

  it('parks the second turn when the budget is used, until it is raised', async () => {
    await quota();
    await create({ usd_per_day: 0.000_001 });
    expect(await prompt('say one')).toMatchObject({ status: 'complete' });
    const second = await prompt('say two', false);
    expect(await turn(second.turn_id)).toMatchObject({ reason: expect.stringContaining('budget') });
    const parked = await activity('parked');
    expect(parked).toMatchObject({
      status: 'parked',
      queued_turns: 1,
      reason: expect.stringMatching(/^the budget for today is used, .* of 0\.000001 USD; goes on at /),
    });
    expect(new Date(parked.resume_at ?? '').getHours()).toBe(0);
    expect(await told('agent.budget_exceeded')).toMatchObject([{ payload: { scope: 'agent', which: 'usd_per_day' } }]);
    expect(await told('agent.budget_warning')).toHaveLength(1);
    await nox.call('agents_update', { params: { id }, body: { budget: { usd_per_day: 5 } } });
    expect(await ended(second.turn_id)).toMatchObject({ status: 'complete', text: 'two' });
    expect(await activity('idle')).not.toHaveProperty('resume_at');
    const usage = await nox.call('usage');
    expect(usage.today.turns).toBe(2);
    expect(usage.agents).toMatchObject([{ agent_id: id, turns: 2 }]);
    expect(usage.today.cost_usd).toBeGreaterThan(0);
  });
});
