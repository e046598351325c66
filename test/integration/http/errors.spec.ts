import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ErrorBody } from '../../../src/contracts/errors.js';
import { bearer, bootEdge, type Edge, FakeAgentsController } from './edge-app.js';

interface Refused {
  readonly type?: string;
  readonly accept?: string;
  readonly body?: string | Blob;
}

async function refusal(reply: Response) {
  expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const body = ErrorBody.parse(await reply.json());
  expect(body.request_id).toBe(reply.headers.get('x-request-id'));
  expect(Math.abs(Date.parse(body.timestamp) - Date.now())).toBeLessThan(60_000);
  return { status: reply.status, code: body.error.code, message: body.error.message, details: body.error.details };
}

describe('errors and the shape of requests', () => {
  let edge: Edge;
  let token: Record<string, string>;
  beforeAll(async () => {
    edge = await bootEdge();
    token = bearer((await edge.login()).access_token);
  });
  afterAll(() => edge.close());

  it('names an error of Nox by its row, with its details', async () => {
    const found = await refusal(await edge.send('GET', '/api/v1/agents/nobody', { headers: token }));
    expect(found).toMatchObject({ status: 404, code: 'AGENT_NOT_FOUND', details: { id: 'nobody' } });
  });

  it('tells which methods an address takes', async () => {
    const methods = (reply: Response) => [reply.status, reply.headers.get('allow')];
    const put = await edge.send('PUT', '/api/v1/agents', { headers: token });
    expect(methods(put)).toEqual([405, 'GET, HEAD, POST, OPTIONS']);
    expect(methods(await edge.send('OPTIONS', '/api/v1/auth/login'))).toEqual([204, 'POST, OPTIONS']);
    expect(methods(await edge.send('OPTIONS', '/api/v1/nothing'))).toEqual([404, null]);
  });

  it.each(['/api/v1/agents', '/openapi.json', '/docs', '/api/v1/agents/nobody'])(
    'answers HEAD %s as GET, without the body',
    async (path) => {
      const get = await edge.send('GET', path, { headers: token });
      const head = await edge.send('HEAD', path, { headers: token });
      const facts = (reply: Response) => [reply.status, reply.headers.get('content-type')];
      expect(facts(head)).toEqual(facts(get));
      expect(await head.text()).toBe('');
    },
  );

  it('ends a HEAD of a stream at once, and guards it as the GET', async () => {
    const path = '/api/v1/agents/abc/logs';
    expect((await edge.send('HEAD', path)).status).toBe(401);
    const head = await edge.send('HEAD', path, { headers: token });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(FakeAgentsController.streams.at(-1)?.closed).toBe(true);
  });

  it('refuses a packed body by its header', async () => {
    const headers = { ...token, 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const body = new Uint8Array(gzipSync('{"name":"x"}'));
    const found = await refusal(await edge.send('POST', '/api/v1/agents', { headers, body }));
    expect(found).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
    expect(found.message).toContain('Content-Encoding');
  });

  it('says nothing about a fault of its own', async () => {
    const reply = await edge.send('GET', '/api/v1/agents/broken', { headers: token });
    const found = await refusal(reply.clone());
    expect(found).toMatchObject({ status: 500, code: 'INTERNAL_SERVER_ERROR', details: undefined });
    expect(await reply.text()).not.toContain('hunter2');
  });

  it('names every field that does not fit, at once', async () => {
    const json = { name: '', capabilities: 7, unknown_one: 1 };
    const found = await refusal(await edge.send('POST', '/api/v1/agents', { headers: token, json }));
    expect(found).toMatchObject({ status: 400, code: 'VALIDATION_ERROR' });
    const fields = (found.details as { field: string }[]).map(({ field }) => field);
    expect(fields.sort()).toEqual(['capabilities', 'name', 'unknown_one']);
  });

  it.each<[name: string, method: string, path: string, init: Refused, status: number, code: string]>([
    ['an unknown route', 'GET', '/api/v1/nothing', {}, 404, 'NOT_FOUND'],
    ['an unknown route for a browser', 'GET', '/api/v1/nothing', { accept: 'text/html' }, 404, 'NOT_FOUND'],
    ['a wrong method', 'DELETE', '/api/v1/auth/login', {}, 405, 'METHOD_NOT_ALLOWED'],
    ['a wrong method of one of many', 'PUT', '/api/v1/agents/abc', {}, 405, 'METHOD_NOT_ALLOWED'],
    ['a plain word that can name nothing', 'GET', '/api/v1/agents/No_One', {}, 404, 'AGENT_NOT_FOUND'],
    ['a way out of the folder', 'GET', '/api/v1/agents/..%2f..%2fetc', {}, 400, 'VALIDATION_ERROR'],
    ['a malformed escape', 'GET', '/api/v1/agents/%', {}, 400, 'INVALID_REQUEST'],
    ['broken JSON', 'POST', '/api/v1/agents', { body: '{"a":', type: 'application/json' }, 400, 'INVALID_REQUEST'],
    [
      'a form',
      'POST',
      '/api/v1/agents',
      { body: 'a=1', type: 'application/x-www-form-urlencoded' },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'plain text that is JSON',
      'POST',
      '/api/v1/agents',
      { body: '{}', type: 'text/plain' },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'multipart',
      'POST',
      '/api/v1/agents',
      { body: '--x', type: 'multipart/form-data; boundary=x' },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['a body without a type', 'POST', '/api/v1/agents', { body: new Blob(['{}']) }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    [
      '1 MiB and a byte',
      'POST',
      '/api/v1/agents',
      { body: `"${'x'.repeat(1024 * 1024 - 1)}"`, type: 'application/json' },
      413,
      'PAYLOAD_TOO_LARGE',
    ],
  ])('%s is refused', async (_, method, path, { type, accept, body }, status, code) => {
    const headers = { ...token, ...(type && { 'content-type': type }), ...(accept && { accept }) };
    const reply = await edge.send(method, path, { headers, ...(body && { body }) });
    expect(await refusal(reply)).toMatchObject({ status, code });
  });

  it('has no effect by a cross-site form: neither type nor cookie get it in', async () => {
    const headers = { 'content-type': 'text/plain', cookie: 'nox_refresh=x', origin: 'https://evil.example' };
    const reply = await edge.send('POST', '/api/v1/auth/refresh', { headers, body: '{}' });
    expect(await refusal(reply)).toMatchObject({ status: 403, code: 'FORBIDDEN_ORIGIN' });
  });

  it.each(['/api/agents', '/api/v1/agents', '/api/agents/', '/api/v1/agents/?page=1'])(
    '%s is one address',
    async (path) => {
      expect((await edge.send('GET', path, { headers: token })).status).toBe(200);
    },
  );

  it('takes an empty body with a type, as clients send it', async () => {
    const headers = { ...token, 'content-type': 'application/json' };
    expect((await edge.send('POST', '/api/v1/auth/logout', { headers })).status).toBe(200);
    token = bearer((await edge.login()).access_token);
  });

  it('sends the security headers, and keeps the API out of caches', async () => {
    const reply = await edge.send('GET', '/api/v1/agents', { headers: token });
    const { headers } = reply;
    expect(headers.get('content-security-policy')).toContain("script-src 'self'; style-src");
    expect(headers.get('content-security-policy')).toContain(`connect-src 'self' ws://127.0.0.1:${edge.port} `);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-request-id')).toMatch(/^req_/);
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('answers in the same shape what is no HTTP at all', async () => {
    const socket = connect(edge.port, '127.0.0.1').end('GARBAGE\r\n\r\n');
    const [head, body] = (await text(socket)).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(ErrorBody.parse(JSON.parse(body ?? '')).error.code).toBe('INVALID_REQUEST');
  });

  it.each([
    ['a foreign Host', 'Host: evil.example'],
    ['a foreign port', 'Host: localhost:1'],
    ['a foreign Origin', 'Host: HERE\r\nOrigin: https://evil.example'],
    ['Origin: null', 'Host: HERE\r\nOrigin: null'],
  ])('refuses %s on any address, also with a good token', async (_, lines) => {
    for (const path of ['/', '/api/v1/agents', '/docs', '/nothing']) {
      const socket = connect(edge.port, '127.0.0.1');
      const here = lines.replace('HERE', `127.0.0.1:${edge.port}`);
      socket.end(
        `GET ${path} HTTP/1.1\r\n${here}\r\nAuthorization: ${token['authorization']}\r\nConnection: close\r\n\r\n`,
      );
      const reply = await text(socket);
      expect(reply).toMatch(/^HTTP\/1\.1 403 /);
      expect(reply).toContain('"code":"FORBIDDEN_ORIGIN"');
    }
  });
});
