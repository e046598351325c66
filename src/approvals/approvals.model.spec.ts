import { beforeAll, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import * as fc from 'fast-check';
import type { Approval, ApprovalStatus } from '../contracts/approval.js';
import { EventLog } from '../events/event-log.js';
import { ManualClock } from '../shared/clock.js';
import { StateDb } from '../shared/db/state-db.js';
import { ApprovalsService } from './approvals.service.js';
import type { GateDecision } from './gate.js';

const EXPIRES_S = 100;

/** What one request must look like after the commands so far. */
interface Expected {
  readonly id: string;
  readonly agent_id: string;
  readonly turn_id: string;
  readonly expires_ms: number;
  readonly controller: AbortController;
  status: ApprovalStatus;
  /** The call behind it is alive: its Nox was not restarted. */
  living: boolean;
  decision: GateDecision | undefined;
}

interface Real {
  readonly clock: ManualClock;
  readonly db: StateDb;
  readonly history: Approval[];
  service: ApprovalsService;
}

type Model = Expected[];

const settled = async ({ db }: Real): Promise<void> => {
  // Group commits run in order: after a few empty ones everything that was begun has ended.
  for (let round = 0; round < 4; round += 1) await db.write(() => undefined);
};

function newService(real: Omit<Real, 'service'>): ApprovalsService {
  return new ApprovalsService(
    real.db,
    new EventLog(real.db, real.clock),
    real.clock,
    { ask_expires_after_s: () => EXPIRES_S },
    { append: async (approval) => void real.history.push(approval) },
  );
}

const pick = (model: Model, at: number): Expected | undefined => model[at % Math.max(1, model.length)];

function end(model: Model, which: (request: Expected) => boolean, status: ApprovalStatus): void {
  for (const request of model) if (request.status === 'pending' && which(request)) request.status = status;
}

async function check(model: Model, real: Real): Promise<void> {
  await settled(real);
  for (const request of model) {
    expect({ id: request.id, status: real.service.get(request.id).status }).toEqual({
      id: request.id,
      status: request.status,
    });
    // A call goes on exactly when its request has ended, and runs exactly when it was approved.
    if (!request.living) continue;
    const behavior = request.status === 'pending' ? undefined : request.status === 'approved' ? 'allow' : 'deny';
    expect({ id: request.id, behavior: request.decision?.behavior }).toEqual({ id: request.id, behavior });
  }
  expect(real.service.pendingCount()).toBe(model.filter(({ status }) => status === 'pending').length);
}

type Command = fc.AsyncCommand<Model, Real>;
const command = (name: string, run: (model: Model, real: Real) => Promise<void>): Command => ({
  check: () => true,
  run: async (model, real) => {
    await run(model, real);
    await check(model, real);
  },
  toString: () => name,
});

const ask = (agent_id: string, turn_id: string): Command =>
  command(`ask(${agent_id}, ${turn_id})`, async (model, real) => {
    const controller = new AbortController();
    const { promise, resolve } = Promise.withResolvers<string>();
    const decided = real.service.decide(
      {
        agent_id,
        session_id: null,
        turn_id,
        tool_use_id: `toolu_${model.length}`,
        tool_name: 'Bash',
        input: { command: 'make' },
        cwd: '/w',
        requires_user_interaction: false,
      },
      controller.signal,
      resolve,
    );
    const expires_ms = real.clock.now() + EXPIRES_S * 1000;
    const request: Expected = {
      id: await promise,
      agent_id,
      turn_id,
      expires_ms,
      controller,
      status: 'pending',
      living: true,
      decision: undefined,
    };
    void decided.then((decision) => (request.decision = decision));
    model.push(request);
  });

const decide = (at: number, approve: boolean): Command =>
  command(`${approve ? 'approve' : 'deny'}(${at})`, async (model, real) => {
    const request = pick(model, at);
    if (request === undefined) return;
    const actor = { name: 'admin', role: 'operator' } as const;
    const word = approve
      ? real.service.approve(request.id, { channel: 'api' }, actor)
      : real.service.deny(request.id, { channel: 'api' }, actor);
    if (request.status === 'pending' && request.living) {
      request.status = approve ? 'approved' : 'denied';
      await expect(word).resolves.toMatchObject({ status: request.status });
    } else {
      end(model, (one) => one === request, 'cancelled');
      await expect(word).rejects.toMatchObject({ code: 'APPROVAL_ALREADY_DECIDED' });
    }
  });

const abort = (at: number): Command =>
  command(`abort(${at})`, async (model) => {
    const request = pick(model, at);
    if (request === undefined || !request.living) return;
    request.controller.abort();
    end(model, (one) => one === request, 'cancelled');
  });

const advance = (by_s: number): Command =>
  command(`advance(${by_s})`, async (model, real) => {
    real.clock.advance(by_s * 1000);
    end(model, ({ expires_ms }) => expires_ms <= real.clock.now(), 'expired');
  });

const cancel = (by: 'agent_id' | 'turn_id', value: string): Command =>
  command(`cancel(${value})`, async (model, real) => {
    await (by === 'agent_id' ? real.service.cancelForAgent(value) : real.service.cancelForTurn(value));
    end(model, (request) => request[by] === value, 'cancelled');
  });

/** The old service is forgotten without a word, as after a crash; its calls are gone with it. */
const restart: Command = command('restart', async (model, real) => {
  for (const request of model) request.living = false;
  Object.assign(real, { clock: new ManualClock(real.clock.now()) });
  real.service = newService(real);
  await real.service.recover();
  end(model, ({ expires_ms }) => expires_ms <= real.clock.now(), 'expired');
  end(model, () => true, 'cancelled');
});

describe('any history of commands', () => {
  beforeAll(() => Logger.overrideLogger(false));

  it('keeps requests, calls and history in step with the state machine', async () => {
    const agent = fc.constantFrom('lead', 'worker');
    const turn = fc.constantFrom('trn_1', 'trn_2');
    const commands = fc.commands(
      [
        fc.tuple(agent, turn).map(([a, t]) => ask(a, t)),
        fc.tuple(agent, turn).map(([a, t]) => ask(a, t)),
        fc.tuple(fc.nat(20), fc.boolean()).map(([at, yes]) => decide(at, yes)),
        fc.tuple(fc.nat(20), fc.boolean()).map(([at, yes]) => decide(at, yes)),
        fc.nat(20).map(abort),
        fc.integer({ min: 1, max: 60 }).map(advance),
        agent.map((value) => cancel('agent_id', value)),
        turn.map((value) => cancel('turn_id', value)),
        fc.constant(restart),
      ],
      { maxCommands: 30 },
    );
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        const base = { clock: new ManualClock(), db: new StateDb(':memory:'), history: [] };
        const real: Real = { ...base, service: newService(base) };
        const model: Model = [];
        try {
          await fc.asyncModelRun(() => ({ model, real }), list);
          await real.service.idle();
          await settled(real);
          const ended = model.filter(({ status }) => status !== 'pending').map(({ id, status }) => `${id} ${status}`);
          expect([...new Set(real.history.map(({ id, status }) => `${id} ${status}`))].sort()).toEqual(ended.sort());
        } finally {
          real.db.close();
        }
      }),
      { numRuns: 150 },
    );
  });
});
