import { beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceConfig } from '../contracts/service.js';
import { ManualClock } from '../shared/clock.js';
import { type CallRequest, Gateway } from './gateway.js';
import type { CallOutcome, McpConnection } from './mcp/mcp-connection.js';

const CONFIG = {
  command: '/bin/time',
  agents: ['lead', 'worker'],
  denied_tools: ['delete_*'],
  limits: { calls_per_min: 3, call_timeout_s: 5 },
};

describe(Gateway.name, () => {
  let clock: ManualClock;
  let told: string[];
  let answer: (signal: AbortSignal | undefined) => Promise<CallOutcome>;
  let is_up: boolean;
  let gateway: Gateway;
  const request = (fields: Partial<CallRequest> = {}): CallRequest => ({
    agent_id: 'lead',
    service: 'time',
    tool: 'now',
    input: {},
    ...fields,
  });

  beforeEach(() => {
    clock = new ManualClock();
    told = [];
    is_up = true;
    answer = () => Promise.resolve({ is_error: false, content: [{ type: 'text', text: 'noon' }] });
    const tools = ['now', 'delete_all'].map((name) => ({ name, description: '', input_schema: {} }));
    const connection = {
      tools,
      call: (_: string, __: object, { signal }: { signal?: AbortSignal }) => answer(signal),
    } as unknown as McpConnection;
    gateway = new Gateway({
      clock,
      target: () => ({
        config: ServiceConfig.parse(CONFIG),
        connection: is_up ? connection : undefined,
        reason: is_up ? null : 'its container ended with code 137',
      }),
      tell: ({ tool, outcome }, agent_id) => {
        told.push(`${agent_id ?? 'person'} ${tool} ${outcome}`);
        return Promise.resolve();
      },
    });
  });

  it('answers what the service answers, and has told of it first', async () => {
    expect(await gateway.call(request())).toMatchObject({ is_error: false, content: [{ text: 'noon' }] });
    expect(told).toEqual(['lead now ok']);
    expect(gateway.countsOf('time')).toEqual([{ agent_id: 'lead', calls: 1, errors: 0, refused: 0 }]);
  });

  it.each<[string, Partial<CallRequest>, string, string]>([
    ['an agent that does not have the service', { agent_id: 'stranger' }, 'FORBIDDEN', 'stranger now refused'],
    ['a tool that agents may not call', { tool: 'delete_all' }, 'FORBIDDEN', 'lead delete_all refused'],
    ['a tool that there is not', { tool: 'later' }, 'NOT_FOUND', 'lead later refused'],
  ])('refuses %s, and keeps that it did', async (_, fields, code, event) => {
    await expect(gateway.call(request(fields))).rejects.toMatchObject({ code });
    expect(told).toEqual([event]);
  });

  it('lets a person call what agents may not', async () => {
    await gateway.call(request({ agent_id: undefined, tool: 'delete_all' }));
    expect(told).toEqual(['person delete_all ok']);
  });

  it('says why a service does not answer', async () => {
    is_up = false;
    await expect(gateway.call(request())).rejects.toMatchObject({
      code: 'MCP_SERVICE_UNAVAILABLE',
      message: expect.stringContaining('its container ended with code 137'),
    });
  });

  it('counts the calls of a minute for each agent alone', async () => {
    for (let n = 0; n < 3; n += 1) await gateway.call(request());
    await expect(gateway.call(request())).rejects.toMatchObject({ code: 'RESOURCE_LIMIT_EXCEEDED' });
    await gateway.call(request({ agent_id: 'worker' }));
    clock.advance(60_000);
    await gateway.call(request());
    expect(told.filter((line) => line.endsWith('refused'))).toEqual(['lead now refused']);
  });

  it.each<[string, () => void, string, string]>([
    ['too late', () => clock.advance(5000), 'did not answer within 5 s', 'timeout'],
    ['broken', () => undefined, 'the pipe burst', 'error'],
  ])('tells that an answer was %s', async (_, before, words, outcome) => {
    answer = () => {
      before();
      return Promise.reject(new Error('the pipe burst'));
    };
    await expect(gateway.call(request())).rejects.toMatchObject({ message: expect.stringContaining(words) });
    expect(told).toEqual([`lead now ${outcome}`]);
  });

  it('tells that a call was cancelled', async () => {
    const controller = new AbortController();
    answer = () => {
      controller.abort();
      return Promise.reject(new Error('aborted'));
    };
    await expect(gateway.call(request({ signal: controller.signal }))).rejects.toThrow();
    expect(told).toEqual(['lead now cancelled']);
  });

  it('cuts what would fill an agent, and says so', async () => {
    answer = () => Promise.resolve({ is_error: false, content: [{ type: 'text', text: 'x'.repeat(500_000) }] });
    const { content } = await gateway.call(request());
    const { text } = content[0] as { text: string };
    expect(text.length).toBeLessThan(400_200);
    expect(text).toContain('[cut by Nox');
  });

  it('gives no answer that it could not keep', async () => {
    const failing = new Gateway({
      clock,
      target: () => ({ config: ServiceConfig.parse(CONFIG), connection: undefined, reason: null }),
      tell: () => Promise.reject(new Error('the disk is full')),
    });
    await expect(failing.call(request())).rejects.toThrow('the disk is full');
  });
});
