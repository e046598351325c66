import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bootEdge, type Edge } from './edge-app.js';

const HTML = { headers: { accept: 'text/html,application/xhtml+xml' } };

describe('the pages', () => {
  let edge: Edge;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'nox-pages-'));
    const built = join(directory, 'dashboard');
    await mkdir(join(built, 'assets'), { recursive: true });
    await writeFile(join(built, 'index.html'), '<title>the dashboard</title>');
    await writeFile(join(built, 'assets', 'index-4f2a.js'), 'export {};');
    await writeFile(join(built, 'favicon.svg'), '<svg/>');
    await writeFile(join(directory, 'secret.txt'), 'outside');
    edge = await bootEdge({ dashboard_dir: built });
  });
  afterAll(async () => {
    await edge.close();
    await rm(directory, { recursive: true });
  });

  it.each(['/', '/agents', '/agents/lead', '/login', '/apiary', '/agents/?tab=logs'])(
    '%s is the dashboard',
    async (path) => {
      const reply = await edge.send('GET', path, HTML);
      expect(reply.status).toBe(200);
      expect(reply.headers.get('content-type')).toContain('text/html');
      expect(reply.headers.get('cache-control')).toBe('no-cache');
      expect(reply.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(await reply.text()).toContain('the dashboard');
    },
  );

  it('keeps files with a hash in their name for ever, others not', async () => {
    const script = await edge.send('GET', '/assets/index-4f2a.js');
    expect(script.headers.get('content-type')).toContain('javascript');
    expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(script.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await edge.send('GET', '/favicon.svg')).headers.get('cache-control')).toBe('no-cache');
    expect(await (await edge.send('HEAD', '/')).text()).toBe('');
  });

  it.each(['/api/nothing', '/api/v1/nothing', '/api', '/health/nothing', '/assets/gone.js'])(
    '%s is 404 for a browser too',
    async (path) => {
      expect((await edge.send('GET', path, HTML)).status).toBe(404);
    },
  );

  it.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/assets/%2e%2e%2f%2e%2e%2fsecret.txt',
    '/..%5csecret.txt',
    '//etc/passwd.txt',
  ])('nothing outside is served for %s', async (path) => {
    const socket = connect(edge.port, '127.0.0.1');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${edge.port}\r\nConnection: close\r\n\r\n`);
    const reply = await text(socket);
    expect(reply).toMatch(/^HTTP\/1\.1 (400|403|404) /);
    expect(reply).not.toContain('outside');
  });

  it('documents the API in a page without inline scripts', async () => {
    const page = await (await edge.send('GET', '/docs/', HTML)).text();
    const scripts = [...page.matchAll(/<script([^>]*)>([^<]*)<\/script>/g)];
    expect(scripts.length).toBeGreaterThan(0);
    for (const [, attributes, inline] of scripts) {
      expect(inline).toBe('');
      const source = /src="([^"]+)"/.exec(attributes ?? '')?.[1] ?? '';
      const reply = await edge.send('GET', source);
      expect(reply.status).toBe(200);
      expect(reply.headers.get('content-type')).toContain('javascript');
      await reply.body?.cancel();
    }
    expect((await edge.send('GET', '/docs/swagger-ui.css')).headers.get('content-type')).toContain('text/css');
    expect((await edge.send('GET', '/docs/package.json')).status).toBe(404);
  });
});

describe('a dashboard that is not built', () => {
  it('says what to do', async () => {
    const edge = await bootEdge({ dashboard_dir: join(tmpdir(), 'nox-not-there') });
    const reply = await edge.send('GET', '/', HTML);
    expect(reply.status).toBe(200);
    expect(await reply.text()).toContain('npm run build');
    await edge.close();
  });
});
