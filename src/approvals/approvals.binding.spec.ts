import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Actor } from '../contracts/auth.js';
import { EventLog } from '../events/event-log.js';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { ApprovalsService } from './approvals.service.js';
import type { GatedCall, GateDecision } from './gate.js';

/** `npm run chaos -- --only binding` turns it up. */
const RUNS = Number(process.env['NOX_RUNS'] ?? 50);
const admin: Actor = { name: 'admin', role: 'admin' };
const live = new AbortController().signal;
const settings = { ask_expires_after_s: () => 3600, park_after_s: () => 60 };
const history = { append: () => Promise.resolve() };

/** A Nox on a disk; `restart` is another one on the same disk, as after kill -9. */
class House {
  readonly clock = new ManualClock();
  db: StateDb;
  service: ApprovalsService;

  constructor(readonly path: string) {
    this.db = new StateDb(path);
    this.service = this.open();
  }

  async restart(): Promise<void> {
    this.db.close();
    this.db = new StateDb(this.path);
    this.service = this.open();
    await this.service.recover();
  }

  private open(): ApprovalsService {
    return new ApprovalsService(this.db, new EventLog(this.db, this.clock), this.clock, settings, history);
  }

  /** The call is asked and parked: its process may end, and the call comes back. */
  async parked(call: GatedCall): Promise<string> {
    const asked = Promise.withResolvers<string>();
    const decision = this.service.decide(call, live, asked.resolve);
    const id = await asked.promise;
    await this.service.parkAll();
    expect(await decision).toMatchObject({ behavior: 'defer' });
    return id;
  }

  /** What a call is answered at once; `pending` when it has to be asked for. */
  async answer(call: GatedCall): Promise<GateDecision['behavior'] | 'pending'> {
    const controller = new AbortController();
    const asked = Promise.withResolvers<'pending'>();
    const decision = this.service.decide(call, controller.signal, () => asked.resolve('pending'));
    const first = await Promise.race([decision.then(({ behavior }) => behavior), asked.promise]);
    controller.abort();
    await decision;
    return first;
  }
}

let calls = 0;
const callOf = (command: string, extra: Record<string, unknown> = {}): GatedCall => ({
  agent_id: 'worker',
  session_id: 'ses-1',
  turn_id: 'trn_1',
  tool_use_id: `toolu_${(calls += 1)}`,
  tool_name: 'Bash',
  input: { command: `touch ${command}`, ...extra },
  cwd: '/w',
  requires_user_interaction: false,
  canPark: () => true,
});

/** Another call, as like the first as can be: one part differs, of a text one character. */
const PARTS = ['agent_id', 'session_id', 'tool_name', 'cwd', 'command', 'added', 'key'] as const;
function changed(call: GatedCall, part: (typeof PARTS)[number], at: number, char: string): GatedCall {
  const { input } = call;
  const command = String(input['command']);
  const place = at % command.length;
  switch (part) {
    case 'command':
      return { ...call, input: { ...input, command: command.slice(0, place) + char + command.slice(place + 1) } };
    case 'added':
      return { ...call, input: { ...input, [`x${char}`]: at } };
    case 'key':
      return { ...call, input: { ...input, command: [command] } };
    case 'session_id':
      return { ...call, session_id: 'ses-2' };
    case 'tool_name':
      return { ...call, tool_name: 'Bash2' };
    case 'agent_id':
      return { ...call, agent_id: 'worker2' };
    case 'cwd':
      return { ...call, cwd: '/w/' };
  }
}

describe('an approval (RELIABILITY A2)', () => {
  let folder: string;
  let house: House;
  beforeEach(() => {
    Logger.overrideLogger(false);
    folder = mkdtempSync(join(tmpdir(), 'nox-binding-'));
    house = new House(join(folder, 'state.db'));
  });
  afterEach(() => {
    house.db.close();
    rmSync(folder, { recursive: true });
  });

  it('lets nothing run but the very call that was shown, whichever part differs', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }),
        fc.constantFrom(...PARTS),
        fc.nat(1000),
        fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' }),
        async (command, part, at, char) => {
          const call = callOf(command);
          const id = await house.parked(call);
          await house.service.approve(id, { channel: 'api' }, admin);
          const other = changed(call, part, at, char);
          const is_same = JSON.stringify(other.input) === JSON.stringify(call.input) && part === 'command';
          expect(await house.answer(other)).not.toBe(is_same ? 'pending' : 'allow');
          // The changed one has not used up what the first may.
          if (!is_same) expect(await house.answer(call)).toBe('allow');
          expect(await house.answer(call)).toBe('deny');
        },
      ),
      { numRuns: RUNS },
    );
  }, 600_000);

  it('is good for one run, also over restarts, and for none when it was a denial', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(fc.constantFrom('run', 'restart'), { minLength: 2, maxLength: 6 }),
        async (approves, steps) => {
          const call = callOf('x');
          const id = await house.parked(call);
          if (approves) await house.service.approve(id, { channel: 'api' }, admin);
          else await house.service.deny(id, { channel: 'api' }, admin);
          let ran = 0;
          for (const step of [...steps, 'run', 'run']) {
            if (step === 'restart') await house.restart();
            else if ((await house.answer(call)) === 'allow') ran += 1;
          }
          expect(ran).toBe(approves ? 1 : 0);
        },
      ),
      { numRuns: Math.ceil(RUNS / 5) },
    );
  }, 600_000);

  it('lets one of many equal calls run that come at the same moment', async () => {
    for (let run = 0; run < Math.ceil(RUNS / 5); run += 1) {
      const call = callOf('x');
      const id = await house.parked(call);
      await house.service.approve(id, { channel: 'api' }, admin);
      const all = await Promise.all(Array.from({ length: 8 }, () => house.answer(call)));
      expect(all.filter((word) => word === 'allow')).toHaveLength(1);
    }
  }, 600_000);

  it('cannot be given after the expiry, and what expired never runs', async () => {
    const call = callOf('x');
    const id = await house.parked(call);
    house.clock.advance(3_600_000);
    await expect(house.service.approve(id, { channel: 'api' }, admin)).rejects.toMatchObject({
      code: 'APPROVAL_ALREADY_DECIDED',
    });
    expect(await house.answer(call)).toBe('deny');
    await house.restart();
    expect(await house.answer(call)).toBe('deny');
  });

  it('is what the first of two who race says, and the call does just that', async () => {
    for (let run = 0; run < RUNS; run += 1) {
      const call = callOf(`race-${run}`);
      const parks = run % 2 === 0;
      const asked = Promise.withResolvers<string>();
      let decision = house.service.decide(call, live, asked.resolve);
      const id = await asked.promise;
      if (parks) {
        await house.service.parkAll();
        await decision;
      }
      const approve = (): Promise<unknown> => house.service.approve(id, { channel: 'api' }, admin);
      const deny = (): Promise<unknown> =>
        house.service.deny(id, { channel: 'api' }, { name: 'eva', role: 'operator' });
      const words = run % 3 === 0 ? [approve, deny] : [deny, approve];
      const ends = await Promise.allSettled(words.map((word) => word()));
      expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const { status, decided_by } = house.service.get(id);
      expect(decided_by).toBe(status === 'approved' ? 'admin' : 'eva');
      if (parks) decision = house.service.decide(call, live, () => undefined);
      expect((await decision).behavior).toBe(status === 'approved' ? 'allow' : 'deny');
    }
  }, 600_000);
});
