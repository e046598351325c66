import { describe, expect, it } from '@jest/globals';
import { type RouteDef, ROUTES } from '../contracts/routes.js';
import { buildOpenApi, openApiPath } from './openapi.js';

describe(buildOpenApi.name, () => {
  const document = buildOpenApi('1.2.3');
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));

  it('holds each row of the route table once, under its name', () => {
    expect(operations.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(ROUTES).sort());
    for (const [name, def] of Object.entries<RouteDef>(ROUTES)) {
      expect(document.paths[openApiPath(def)]?.[def.method.toLowerCase()]?.operationId).toBe(name);
    }
  });

  it('asks for a token on each route that is not public', () => {
    for (const { operationId, security, responses } of operations) {
      const def: RouteDef = ROUTES[operationId as keyof typeof ROUTES];
      expect(security).toEqual(def.role === 'public' ? [] : [{ bearer: [] }]);
      expect('401' in responses).toBe(def.role !== 'public');
    }
  });

  it('has every reference that it uses', () => {
    const text = JSON.stringify(document);
    const refs = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, id]) => id);
    expect(refs.length).toBeGreaterThan(0);
    expect([...text.matchAll(/"\$ref":/g)]).toHaveLength(refs.length);
    const { schemas } = document.components as { schemas: Record<string, unknown> };
    for (const id of refs) expect(schemas).toHaveProperty([String(id)]);
  });

  it('describes parameters, bodies, streams and errors', () => {
    const prompt = document.paths['/api/v1/agents/{id}/prompt']?.['post'];
    expect(prompt?.parameters).toMatchObject([{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }]);
    expect(prompt?.requestBody).toMatchObject({
      required: true,
      content: { 'application/json': { schema: { required: ['content'] } } },
    });
    expect(prompt?.responses['200']).toMatchObject({
      content: {
        'application/json': { schema: { $ref: '#/components/schemas/PromptReply' } },
        'text/event-stream': {},
      },
    });
    expect(prompt?.responses['404']).toMatchObject({ description: expect.stringContaining('AGENT_NOT_FOUND') });
    const list = document.paths['/api/v1/agents']?.['get'];
    expect(list?.parameters).toContainEqual(
      expect.objectContaining({
        name: 'page',
        in: 'query',
        required: false,
        schema: expect.objectContaining({ type: 'integer' }),
      }),
    );
  });

  it('takes an empty body where all of it has defaults', () => {
    const stop = document.paths['/api/v1/agents/{id}/stop']?.['post'];
    expect(stop?.requestBody).toMatchObject({ required: false });
  });
});
