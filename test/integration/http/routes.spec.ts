import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildOpenApi, type OpenApiDocument, openApiPath } from '../../../src/system/openapi.js';
import { listRoutes } from '../../../src/shared/http/router-list.js';
import { Controller, Get } from '@nestjs/common';
import { ROUTES, type RouteDef } from '../../../src/contracts/routes.js';
import { bearer, bootEdge, type Edge, FakeAgentsController } from './edge-app.js';

@Controller()
class ForgottenController {
  @Get('/api/forgotten')
  read() {
    return { secret: 1 };
  }
}

const inTable = (method: string, path: string) =>
  Object.values<RouteDef>(ROUTES).find(
    (def) => def.method === method && (def.root === true ? def.path : `/api${def.path}`) === path,
  );

describe('routes and their description', () => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await bootEdge({ controllers: [FakeAgentsController, ForgottenController] });
  });
  afterAll(() => edge.close());

  it('lists what the router serves, without pages', () => {
    const routes = listRoutes(edge.app).map(({ method, path }) => `${method} ${path}`);
    expect(routes).toEqual(
      expect.arrayContaining([
        'POST /api/auth/login',
        'GET /api/agents/:id',
        'GET /api/events',
        'GET /openapi.json',
        'GET /api/forgotten',
      ]),
    );
    expect(routes.filter((route) => route.includes('docs') || route.includes('*'))).toEqual([]);
    expect(new Set(routes).size).toBe(routes.length);
  });

  it('refuses each of them without a token, unless its row says that it is public', async () => {
    for (const { method, path } of listRoutes(edge.app)) {
      const def = inTable(method, path);
      const reply = await edge.send(method, path.replaceAll(/:\w+/g, 'some-id'), method === 'POST' ? { json: {} } : {});
      await reply.body?.cancel();
      const expected = def === undefined ? 403 : def.role === 'public' ? [200, 400, 401] : 401;
      expect([expected].flat()).toContain(reply.status);
    }
  });

  it('refuses a handler without a row even to an admin', async () => {
    const headers = bearer((await edge.login()).access_token);
    expect((await edge.send('GET', '/api/forgotten', { headers })).status).toBe(403);
  });

  it('serves the document, which has every route of the router that has a row', async () => {
    const document = (await (await edge.send('GET', '/openapi.json')).json()) as OpenApiDocument;
    expect(document).toEqual(buildOpenApi('0.0.0'));
    for (const { method, path } of listRoutes(edge.app)) {
      const def = inTable(method, path);
      if (def !== undefined) expect(document.paths[openApiPath(def)]).toHaveProperty([method.toLowerCase()]);
    }
  });
});
