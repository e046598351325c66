import { afterEach, describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { readSse, type SseFrame } from '../../../src/client/sse.js';
import { ManualClock } from '../../../src/shared/clock.js';
import { eventually, within } from '../../support/wait.js';
import { bearer, bootEdge, type Edge, type EdgeOptions, FakeAgentsController } from '../http/edge-app.js';

const seqsOf = (frames: SseFrame[]) => frames.map(({ data }) => (JSON.parse(data) as { seq?: number }).seq);

describe('GET /events', () => {
  let edge: Edge;
  let headers: Record<string, string>;
  const aborts: AbortController[] = [];
  afterEach(async () => {
    for (const abort of aborts.splice(0)) abort.abort();
    await edge.close();
  });

  const boot = async (options: EdgeOptions = {}) => {
    edge = await bootEdge(options);
    headers = bearer((await edge.login()).access_token);
  };
  const get = (query: string, more: Record<string, string> = {}) => {
    const abort = new AbortController();
    aborts.push(abort);
    return edge.send('GET', `/api/v1/events${query}`, { headers: { ...headers, ...more }, signal: abort.signal });
  };
  /** The frames of a stream, as they come; `ended` once the server has closed it. */
  const follow = async (query: string, more: Record<string, string> = {}) => {
    const reply = await get(query, more);
    expect(reply.status).toBe(200);
    const stream = { reply, frames: [] as SseFrame[], ended: false };
    void (async () => {
      if (reply.body === null) return;
      for await (const frame of readSse(reply.body)) stream.frames.push(frame);
      stream.ended = true;
    })().catch(() => undefined);
    return stream;
  };
  const append = (count: number, agent_id = 'lead') =>
    Promise.all(
      Array.from({ length: count }, (_, i) =>
        edge.events.append('agent.log', { stream: 'nox', line: `${i}` }, agent_id),
      ),
    );

  it('is a stream of events with their type and seq', async () => {
    await boot();
    const stream = await follow('');
    expect(stream.reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.reply.headers.get('x-accel-buffering')).toBe('no');
    expect(stream.reply.headers.get('x-request-id')).toMatch(/^req_/);
    expect(stream.reply.headers.get('content-security-policy')).toContain("default-src 'self'");
    const event = await edge.events.append('system.stopping', { reason: 'a\nb' });
    await eventually('the event', () => stream.frames.length === 1);
    expect(stream.frames[0]).toMatchObject({ event: 'system.stopping', last_id: String(event.seq) });
    expect(JSON.parse(stream.frames[0]?.data ?? '')).toEqual(event);
  });

  it.each([
    ['after_seq', (seq: number) => [`?after_seq=${seq}`, {}] as const],
    ['Last-Event-ID, which wins', (seq: number) => ['?after_seq=0', { 'last-event-id': String(seq) }] as const],
  ])('replays after %s, then goes on live, without a gap or a repetition', async (_, resume) => {
    await boot();
    await append(5);
    const start = edge.events.lastSeq();
    await append(450);
    const writer = append(100);
    const stream = await follow(...resume(start));
    await writer;
    await append(50);
    await eventually('all of them', () => stream.frames.length >= 600);
    expect(seqsOf(stream.frames)).toEqual(Array.from({ length: 600 }, (_, i) => start + 1 + i));
  });

  it('filters by area and by agent, past and live', async () => {
    await boot();
    const past = (await append(1)).at(0);
    await append(1, 'other');
    const stream = await follow('?areas=agent,approval&agent_id=lead&after_seq=0');
    await edge.events.append('system.stopping', { reason: 'x' });
    await append(1, 'other');
    const live = (await append(1)).at(0);
    await eventually('both', () => stream.frames.length === 2);
    expect(seqsOf(stream.frames)).toEqual([past?.seq, live?.seq]);
  });

  it('says so when older events are gone, and goes on with what there is', async () => {
    await boot();
    await append(5);
    await edge.db.write((tx) => tx.run('DELETE FROM events WHERE seq <= 3'));
    const stream = await follow('?after_seq=1');
    await eventually('what there is', () => stream.frames.length === edge.events.lastSeq() - 2);
    expect(stream.frames[0]).toMatchObject({
      event: 'resync',
      data: JSON.stringify({ first_seq: 4, last_seq: edge.events.lastSeq() }),
    });
    expect(seqsOf(stream.frames)[1]).toBe(4);
  });

  it('is a page when it is not to be followed', async () => {
    await boot();
    await append(5);
    const page = (await (await get('?follow=false&after_seq=2&limit=2')).json()) as {
      events: { seq: number }[];
      last_seq: number;
    };
    expect(page.events.map(({ seq }) => seq)).toEqual([3, 4]);
    expect(page.last_seq).toBe(edge.events.lastSeq());
  });

  it.each([
    ['?after_seq=x', {}],
    ['?areas=A', {}],
    ['', { 'last-event-id': 'x' }],
  ])('refuses %p %p', async (query, more) => {
    await boot();
    expect((await get(query, more)).status).toBe(400);
  });

  it('ends with its login', async () => {
    const clock = new ManualClock(Date.now());
    await boot({ clock });
    const expiring = await follow('');
    clock.advance(600_000);
    await eventually('end at the expiry', () => expiring.ended);
    headers = bearer((await edge.login()).access_token);
    const revoked = await follow('');
    await edge.send('POST', '/api/v1/auth/logout', { headers });
    await eventually('end at the logout', () => revoked.ended);
  });

  it('says that it is still there', async () => {
    const clock = new ManualClock(Date.now());
    await boot({ clock });
    const reply = await get('');
    const reader = reply.body?.getReader();
    clock.advance(15_000);
    const first = await within('heartbeat', reader?.read() ?? Promise.reject(new Error('no body')));
    expect(Buffer.from(first.value ?? []).toString()).toBe(': still here\n\n');
    clock.advance(15_000);
    const second = await within('second heartbeat', reader?.read() ?? Promise.reject(new Error('no body')));
    expect(Buffer.from(second.value ?? []).toString()).toBe(': still here\n\n');
  });

  it('does not hold up the end of Nox', async () => {
    await boot();
    const stream = await follow('');
    await within('end of Nox', edge.app.close());
    await eventually('end of the stream', () => stream.ended);
  });

  it('cuts off a client that does not read', async () => {
    await boot();
    const socket = connect(edge.port, '127.0.0.1').pause();
    socket.on('error', () => undefined);
    const count = FakeAgentsController.streams.length;
    socket.write(
      `GET /api/agents/lead/logs HTTP/1.1\r\nHost: 127.0.0.1:${edge.port}\r\nAuthorization: ${headers['authorization']}\r\n\r\n`,
    );
    const stream = await eventually('the stream', () => FakeAgentsController.streams[count]);
    const data = 'x'.repeat(256 * 1024);
    let sent = 0;
    for (; !stream.closed && sent < 400; sent += 1) {
      stream.send({ data });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(stream.closed).toBe(true);
    socket.destroy();
  });
});
