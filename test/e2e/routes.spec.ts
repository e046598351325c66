import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { type RouteDef, ROUTES } from '../../src/contracts/routes.js';
import { createNox, type Nox } from '../../src/main.js';
import { listRoutes } from '../../src/shared/http/router-list.js';
import { makeTempDir, type TempDir } from '../support/temp-dir.js';

interface Document {
  readonly paths: Record<string, Record<string, { security: unknown[]; summary: string; operationId: string }>>;
}

const braces = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');

/** The table of routes, the document and the real router say the same, and nothing is open that should not be. */
describe('every route', () => {
  let dir: TempDir;
  let nox: Nox;
  let url: string;
  let document: Document;

  beforeAll(async () => {
    dir = await makeTempDir('nox-routes-');
    nox = await createNox(
      { home: join(dir.path, '.nox'), registry_path: join(dir.path, 'registry'), port: 0 },
      { NOX_LOG_LEVEL: 'fatal' },
    );
    await nox.app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(nox.app.getHttpServer().address() as AddressInfo).port}`;
    document = (await (await fetch(`${url}/openapi.json`)).json()) as Document;
  });
  afterAll(async () => {
    await nox.app.close();
    await dir.remove();
  });

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })),
    );

  it('is in the document, and the document names no other', () => {
    const served = listRoutes(nox.app).map(
      ({ method, path }) => `${method} ${braces(path).replace(/^\/api\//, '/api/v1/')}`,
    );
    const documented = operations().map(({ method, path }) => `${method} ${path}`);
    expect(documented.length).toBe(Object.keys(ROUTES).length);
    expect(served.sort()).toEqual(documented.sort());
  });

  it('answers 401 without a token, unless the table says that it is public', async () => {
    const open: string[] = [];
    for (const def of Object.values<RouteDef>(ROUTES)) {
      const path = `${def.root === true ? '' : '/api/v1'}${def.path.replaceAll(/:\w+/g, 'x')}`;
      const answer = await fetch(url + path, {
        method: def.method,
        ...(def.method === 'POST' ? { body: '{}', headers: { 'content-type': 'application/json' } } : {}),
      });
      const body = (await answer.json()) as { error?: { code: string } };
      if (body.error?.code === 'UNAUTHORIZED' && answer.status === 401 && def.role !== 'public') continue;
      open.push(def.path);
    }
    const allowed = Object.values<RouteDef>(ROUTES)
      .filter((def) => def.role === 'public')
      .map((def) => def.path);
    expect(open.sort()).toEqual(allowed.sort());
  });

  it.each(['not.a.token', 'a'.repeat(2000), 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.'])(
    'refuses the token %#',
    async (token) => {
      const answer = await fetch(`${url}/api/v1/agents`, { headers: { authorization: `Bearer ${token}` } });
      expect(answer.status).toBe(401);
    },
  );

  it('has a page for people under a strict policy', async () => {
    const page = await fetch(`${url}/docs`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect((await fetch(`${url}/docs/swagger-ui-bundle.js`)).status).toBe(200);
  });
});
