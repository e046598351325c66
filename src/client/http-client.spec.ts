import { describe, expect, it } from '@jest/globals';
import { NoxApiError } from './api-error.js';
import type { HttpSend } from './http-send.js';
import { NoxClient, type NoxClientOptions } from './http-client.js';

interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: unknown;
}
type Answer = Response | Error | ((signal: AbortSignal) => Promise<Response>);

const json = (status: number, body: unknown) => Response.json(body, { status });
const failure = (status: number, code: string) =>
  json(status, { error: { code, message: 'no' }, timestamp: '2026-01-01T00:00:00.000Z', request_id: 'req_1' });
const refused = () => new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } });
const stream = (text: string) =>
  new Response(text, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });

/** A client whose network gives these answers, in this order. */
function clientOf(answers: Answer[], options: Partial<NoxClientOptions> = {}) {
  const sent: Sent[] = [];
  const network: HttpSend = async (url, { method, headers, body: text, signal }) => {
    const body = text === undefined ? undefined : JSON.parse(text);
    sent.push({ url, method, headers: new Headers(headers), body });
    const answer = answers.shift();
    if (answer === undefined) throw new Error('one request too many');
    if (answer instanceof Error) throw answer;
    return typeof answer === 'function' ? answer(signal) : answer;
  };
  const client = new NoxClient({ base_url: 'http://nox', fetch: network, wait: async () => {}, ...options });
  return { client, sent, left: answers };
}

const user = { username: 'admin', role: 'admin' };
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

const hang = (signal: AbortSignal) =>
  new Promise<Response>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('NoxClient.call', () => {
  it('sends method, address, token and body of the route', async () => {
    const { client, sent } = clientOf([json(200, { ...user, role: 'viewer', new_field: 1 })], { token: 't0' });
    const body = { username: 'eve', password: 'long enough', role: 'viewer' as const };
    expect(await client.call('users_create', { body })).toEqual({ username: 'admin', role: 'viewer' });
    expect(sent[0]).toMatchObject({ url: 'http://nox/api/v1/auth/users', method: 'POST', body });
    expect(sent[0]?.headers.get('authorization')).toBe('Bearer t0');
    expect(sent[0]?.headers.get('content-type')).toBe('application/json');
  });

  it('throws what the server answered, as it answered it', async () => {
    const { client } = clientOf([failure(409, 'AGENT_ALREADY_EXISTS')]);
    const error = await errorOf(client.call('agents_create', { body: { name: 'x' } }));
    expect(error).toBeInstanceOf(NoxApiError);
    expect(error).toMatchObject({ code: 'AGENT_ALREADY_EXISTS', status: 409, message: 'no', request_id: 'req_1' });
  });

  it('says that nothing answers, with the address and the reason', async () => {
    const { client } = clientOf([refused()], { retries: 0 });
    const error = await errorOf(client.call('auth_me'));
    expect(error).toMatchObject({ code: 'SERVER_UNREACHABLE', status: 0, details: { reason: 'ECONNREFUSED' } });
    expect((error as Error).message).toContain('http://nox');
  });

  it.each([
    ['a page of a proxy', () => new Response('<h1>Bad gateway</h1>', { status: 500 })],
    ['a success that is no JSON', () => new Response('<!doctype html>')],
    ['a success of another shape', () => json(200, { username: 7 })],
  ])('names %s an unexpected reply', async (_, answer) => {
    const { client } = clientOf([answer()]);
    expect(await errorOf(client.call('auth_me'))).toMatchObject({ code: 'UNEXPECTED_REPLY' });
  });

  it('repeats a GET that found nobody or came too early, never a POST', async () => {
    const get = clientOf([refused(), failure(503, 'SHUTTING_DOWN'), json(200, user)]);
    expect(await get.client.call('auth_me')).toEqual(user);
    const post = clientOf([refused(), json(200, user)]);
    expect(await errorOf(post.client.call('agents_start', { params: { id: 'abc' } }))).toBeInstanceOf(NoxApiError);
    expect(post.sent).toHaveLength(1);
    const wrong = clientOf([failure(404, 'NOT_FOUND'), json(200, user)]);
    expect(await errorOf(wrong.client.call('auth_me'))).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('refreshes the token once, for all requests that need it', async () => {
    let refreshes = 0;
    const refresh = async () => `t${++refreshes}`;
    const { client, sent } = clientOf(
      [failure(401, 'UNAUTHORIZED'), failure(401, 'UNAUTHORIZED'), json(200, user), json(200, user)],
      { token: 't0', refresh },
    );
    await Promise.all([client.call('auth_me'), client.call('auth_me')]);
    expect(refreshes).toBe(1);
    expect(sent.map((s) => s.headers.get('authorization'))).toEqual([
      'Bearer t0',
      'Bearer t0',
      'Bearer t1',
      'Bearer t1',
    ]);
  });

  it('gives the 401 on when there is no new token, and when that is refused too', async () => {
    const none = clientOf([failure(401, 'UNAUTHORIZED')], { refresh: async () => undefined });
    expect(await errorOf(none.client.call('auth_me'))).toMatchObject({ code: 'UNAUTHORIZED' });
    const twice = clientOf([failure(401, 'UNAUTHORIZED'), failure(401, 'UNAUTHORIZED')], { refresh: async () => 't1' });
    expect(await errorOf(twice.client.call('auth_me'))).toMatchObject({ code: 'UNAUTHORIZED' });
    const login = clientOf([failure(401, 'UNAUTHORIZED')], { refresh: () => Promise.reject(new Error('not asked')) });
    const body = { username: 'a', password: 'b' };
    expect(await errorOf(login.client.call('auth_login', { body }))).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('ends at its time limit, and with the reason of the caller when that was first', async () => {
    const slow = clientOf([hang], { retries: 0, timeout_ms: 5 });
    expect(await errorOf(slow.client.call('auth_me'))).toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: 'Nox did not answer at http://nox within 0.005 s.',
    });
    const abort = new AbortController();
    const given = clientOf([hang], { retries: 0 });
    const work = errorOf(given.client.call('auth_me', {}, { signal: abort.signal }));
    abort.abort('enough');
    expect(await work).toBe('enough');
  });
});

const TURN = 'trn_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const frame = (event: string, data: unknown, id?: number) =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
const START = frame('message_start', { turn_id: TURN, agent_id: 'lead', status: 'running' });

const drain = async (text: string) => {
  for await (const _ of clientOf([stream(text)]).client.prompt('lead', 'hello'));
};

describe('NoxClient.prompt', () => {
  it('tells the frames up to the end and passes over those it does not know', async () => {
    const end = { turn_id: TURN, status: 'complete', text: 'hi', usage: null, reason: null };
    const { client, sent } = clientOf([
      stream(START + frame('novelty', {}) + frame('content', { text: 'hi' }) + frame('message_end', end)),
    ]);
    const seen = [];
    for await (const { event } of client.prompt('lead', 'hello')) seen.push(event);
    expect(seen).toEqual(['message_start', 'content', 'message_end']);
    expect(sent[0]?.headers.get('accept')).toBe('text/event-stream');
    expect(sent[0]?.body).toEqual({ content: 'hello', stream: true });
  });

  it('names the turn when the stream breaks off, and rethrows an error frame', async () => {
    expect(await errorOf(drain(START))).toMatchObject({ code: 'SERVER_UNREACHABLE', details: { turn_id: TURN } });
    const error = { error: { code: 'MODEL_UNAVAILABLE', message: 'no' }, timestamp: 'now', request_id: 'req_2' };
    expect(await errorOf(drain(START + frame('error', error)))).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      status: 503,
    });
  });

  it('throws the answer that is no stream', async () => {
    const { client } = clientOf([failure(404, 'AGENT_NOT_FOUND')]);
    expect(await errorOf(client.prompt('nobody', 'hello').next())).toMatchObject({ code: 'AGENT_NOT_FOUND' });
  });
});

const event = (seq: number, type = 'system.started') => {
  const timestamp = '2026-01-01T00:00:00.000Z';
  return frame(type, { id: `evt_${seq}`, seq, type, timestamp, payload: { version: '1' } }, seq);
};

describe('NoxClient.events', () => {
  it('goes on after the last event when the connection is lost', async () => {
    const states: string[] = [];
    const abort = new AbortController();
    const { client, sent } = clientOf([stream(event(4) + event(5, 'later.kind')), refused(), stream(event(6))]);
    const seen: number[] = [];
    const options = { after_seq: 3, areas: ['system'], onState: (s: string) => states.push(s), signal: abort.signal };
    for await (const { seq } of client.events(options)) {
      seen.push(seq);
      if (seq === 6) abort.abort();
    }
    expect(seen).toEqual([4, 6]);
    expect(states).toEqual(['reconnecting', 'live']);
    expect(sent.map((s) => new URL(s.url).search)).toEqual([
      '?after_seq=3&areas=system',
      '?areas=system',
      '?areas=system',
    ]);
    expect(sent.map((s) => s.headers.get('last-event-id'))).toEqual([null, '5', '5']);
  });

  it('throws when the first connection fails, and when asking again is of no use', async () => {
    expect(await errorOf(clientOf([refused()]).client.events().next())).toMatchObject({ code: 'SERVER_UNREACHABLE' });
    const { client } = clientOf([stream(event(1)), failure(403, 'FORBIDDEN')]);
    const events = client.events();
    expect((await events.next()).value).toMatchObject({ seq: 1 });
    expect(await errorOf(events.next())).toMatchObject({ code: 'FORBIDDEN' });
  });
});

const line = (id: number) => ({ id, timestamp: '2026-01-01T00:00:00.000Z', stream: 'stderr', line: `l${id}` });

describe('NoxClient.logs', () => {
  it('reads the last lines, or follows them', async () => {
    const past = clientOf([json(200, { lines: [line(1), line(2)] })]);
    const seen = [];
    for await (const l of past.client.logs('lead', { lines: 2 })) seen.push(l.id);
    expect(seen).toEqual([1, 2]);
    const live = clientOf([stream(frame('log', line(3), 3)), stream(frame('log', line(4), 4))]);
    const lines = live.client.logs('lead', { follow: true, lines: 1 });
    expect((await lines.next()).value).toMatchObject({ id: 3 });
    expect((await lines.next()).value).toMatchObject({ id: 4 });
    expect(live.sent[1]?.headers.get('last-event-id')).toBe('3');
    expect(live.sent[0]?.url).toBe('http://nox/api/v1/agents/lead/logs?lines=1&follow=true');
  });
});
