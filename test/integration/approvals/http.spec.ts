import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type CanActivate, type ExecutionContext, type INestApplication, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ApprovalsController } from '../../../src/approvals/approvals.controller.js';
import { ApprovalsService } from '../../../src/approvals/approvals.service.js';
import { ApprovalHistory, ApprovalSettings } from '../../../src/approvals/ports.js';
import { Approval, ApprovalList } from '../../../src/contracts/approval.js';
import { ErrorBody } from '../../../src/contracts/errors.js';
import { EventLog } from '../../../src/events/event-log.js';
import { Clock, ManualClock } from '../../../src/shared/clock.js';
import { StateDb } from '../../../src/shared/db/state-db.js';
import { ErrorFilter } from '../../../src/shared/http/error.filter.js';
import type { NoxRequest } from '../../../src/shared/http/route.js';

const db = { current: new StateDb(':memory:') };

@Module({
  controllers: [ApprovalsController],
  providers: [
    { provide: StateDb, useFactory: () => db.current },
    { provide: Clock, useClass: ManualClock },
    { provide: ApprovalSettings, useValue: { ask_expires_after_s: () => 60 } },
    { provide: ApprovalHistory, useValue: { append: () => Promise.resolve() } },
    EventLog,
    ApprovalsService,
  ],
})
class House {}

/** Believes what the test says about who asks. */
class ToldActor implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<NoxRequest>();
    request.actor = { name: String(request.headers['x-name']), role: 'operator' };
    return true;
  }
}

describe('approvals over HTTP', () => {
  let app: INestApplication & NestFastifyApplication;
  let decision: Promise<unknown>;
  let id: string;

  beforeEach(async () => {
    Logger.overrideLogger(false);
    db.current = new StateDb(':memory:');
    app = await NestFactory.create<NestFastifyApplication>(House, new FastifyAdapter(), { logger: false });
    app.useGlobalGuards(new ToldActor());
    app.useGlobalFilters(new ErrorFilter());
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
    const shown = Promise.withResolvers<string>();
    decision = app.get(ApprovalsService).decide(
      {
        agent_id: 'worker',
        session_id: null,
        turn_id: null,
        tool_use_id: 'toolu_1',
        tool_name: 'Bash',
        input: { command: 'make' },
        cwd: '/w',
        requires_user_interaction: false,
      },
      new AbortController().signal,
      shown.resolve,
    );
    id = await shown.promise;
  });
  afterEach(async () => {
    await app.close();
    db.current.close();
  });

  const send = async (method: 'GET' | 'POST', path: string, payload?: object, name = 'ann') => {
    const reply = await app.inject({
      method,
      url: `/api${path}`,
      headers: { 'x-name': name },
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: reply.statusCode, body: reply.json<unknown>() };
  };

  it('lists and shows what waits', async () => {
    const list = await send('GET', '/approvals?status=pending');
    expect(ApprovalList.parse(list.body)).toMatchObject({ approvals: [{ id }], pagination: { total: 1 } });
    expect(Approval.parse((await send('GET', `/approvals/${id}`)).body)).toMatchObject({ id, status: 'pending' });
  });

  it('runs an edited call in the name of who approved it, once', async () => {
    const updated_input = { command: 'make test' };
    const first = await send('POST', `/approvals/${id}/approve`, { updated_input, channel: 'cli', reason: 'ok' });
    expect(first.status).toBe(200);
    expect(Approval.parse(first.body)).toMatchObject({ status: 'approved', decided_by: 'ann', channel: 'cli' });
    await expect(decision).resolves.toMatchObject({ behavior: 'allow', updated_input });
    const second = await send('POST', `/approvals/${id}/deny`);
    expect(second.status).toBe(409);
    expect(ErrorBody.parse(second.body).error).toMatchObject({
      code: 'APPROVAL_ALREADY_DECIDED',
      details: { approval: { decided_by: 'ann' } },
    });
  });

  it('regression: takes a body of null for none, and approves', async () => {
    const headers = { 'x-name': 'ann', 'content-type': 'application/json' };
    const url = `/api/approvals/${id}/approve`;
    const reply = await app.inject({ method: 'POST', url, headers, payload: 'null' });
    expect(ErrorBody.parse(reply.json()).error.code).toBe('VALIDATION_ERROR');
    expect(app.get(ApprovalsService).get(id).status).toBe('pending');
  });

  it('denies without a body', async () => {
    expect((await send('POST', `/approvals/${id}/deny`)).body).toMatchObject({ status: 'denied', channel: 'api' });
    await expect(decision).resolves.toMatchObject({ behavior: 'deny', reason: 'Refused by ann.' });
  });

  it.each<[number, string, string, object, string]>([
    [404, 'APPROVAL_NOT_FOUND', '/approvals/apr_01J00000000000000000000000/approve', {}, 'ann'],
    [404, 'APPROVAL_NOT_FOUND', '/approvals/apr_x/approve', {}, 'ann'],
    [400, 'VALIDATION_ERROR', '/approvals/:id/approve', { updated_input: [] }, 'ann'],
    [400, 'VALIDATION_ERROR', '/approvals/:id/approve', { channel: 'policy' }, 'ann'],
    [400, 'VALIDATION_ERROR', '/approvals/:id/approve', { remember: true, updated_input: { command: 'ls' } }, 'ann'],
    [400, 'VALIDATION_ERROR', '/approvals/:id/deny', { by: 'eve' }, 'ann'],
    [403, 'FORBIDDEN', '/approvals/:id/approve', {}, 'agent:worker'],
  ])('answers %i %s to %s %j', async (status, code, path, body, name) => {
    const reply = await send('POST', path.replace(':id', id), body, name);
    expect({ status: reply.status, code: ErrorBody.parse(reply.body).error.code }).toEqual({ status, code });
    expect(app.get(ApprovalsService).get(id).status).toBe('pending');
  });
});
