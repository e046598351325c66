import * as z from 'zod';
import * as agent from '../contracts/agent.js';
import * as approval from '../contracts/approval.js';
import * as auth from '../contracts/auth.js';
import * as backup from '../contracts/backup.js';
import * as config from '../contracts/config.js';
import { ErrorBody, ERRORS } from '../contracts/errors.js';
import * as event from '../contracts/event.js';
import * as registry from '../contracts/registry.js';
import { type RouteDef, ROUTES } from '../contracts/routes.js';
import * as system from '../contracts/system.js';
import * as turn from '../contracts/turn.js';

type JsonSchema = Record<string, unknown>;

export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly Record<string, readonly string[]>[];
  readonly parameters: readonly JsonSchema[];
  readonly requestBody?: JsonSchema;
  readonly responses: Readonly<Record<string, JsonSchema>>;
}

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: JsonSchema;
}

/** Errors that a route may answer with, by its kind; every route may also fail with 500 and 507. */
const COMMON = [400, 403, 404, 409, 413, 415, 429, 500, 503, 507] as const;

/** The OpenAPI 3.1 document, made from the route table alone. Paths are those of `/api/v1`; `/api` serves the same. */
export function buildOpenApi(version: string): OpenApiDocument {
  const schemas = namedSchemas();
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const [name, def] of Object.entries<RouteDef>(ROUTES)) {
    const path = openApiPath(def);
    paths[path] = { ...paths[path], [def.method.toLowerCase()]: operation(name, def, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Nox',
      version,
      description:
        'The control plane for fleets of Claude CLI agents. `/api` serves the same as `/api/v1`. MCP clients (streamable HTTP) ' +
        'connect to `/mcp` with `Authorization: Bearer <token>`; `nox client add NAME` makes the token and prints the configuration.',
    },
    paths,
    components: {
      schemas: schemas.components,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}

/** `/agents/:id` of the route table as `/api/v1/agents/{id}`. */
export function openApiPath({ path, root }: Pick<RouteDef, 'path' | 'root'>): string {
  return `${root === true ? '' : '/api/v1'}${path.replaceAll(/:(\w+)/g, '{$1}')}`;
}

interface NamedSchemas {
  readonly components: Record<string, JsonSchema>;
  /** A reference to a named schema, or the schema itself. */
  of(schema: z.ZodType): JsonSchema;
}

/** Answers' schemas, under the names that the contracts export them by. */
function namedSchemas(): NamedSchemas {
  const names = z.registry<{ id: string }>();
  const modules = [agent, approval, auth, backup, config, event, registry, system, turn, { ErrorBody }];
  const shown = new Set([ErrorBody, ...Object.values<RouteDef>(ROUTES).flatMap(({ response }) => reachable(response))]);
  for (const [id, schema] of modules.flatMap((module) => Object.entries<unknown>(module))) {
    if (schema instanceof z.ZodObject && shown.has(schema)) names.add(schema, { id });
  }
  const { schemas } = z.toJSONSchema(names, { io: 'output', unrepresentable: 'any', uri: refTo });
  return {
    components: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)])),
    of: (schema) => {
      const id = names.get(schema)?.id;
      return id === undefined ? convert(schema, 'output') : { $ref: refTo(id) };
    },
  };
}

const refTo = (id: string): string => `#/components/schemas/${id}`;

/** A schema and the objects that it is made of, so that only those which the API shows are named. */
function reachable(schema: z.ZodType): z.ZodType[] {
  const found = new Set<z.ZodType>();
  const waiting = [schema];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    if (next instanceof z.ZodObject) waiting.push(...(Object.values(next.shape) as z.ZodType[]));
    if (next instanceof z.ZodArray) waiting.push(next.element as z.ZodType);
    if (next instanceof z.ZodNullable || next instanceof z.ZodOptional) waiting.push(next.unwrap() as z.ZodType);
  }
  return [...found];
}

function operation(name: string, def: RouteDef, schemas: NamedSchemas): OpenApiOperation {
  const open = def.role === 'public';
  return {
    operationId: name,
    summary: def.summary,
    tags: [name.split('_', 1)[0] ?? name],
    security: open ? [] : [{ bearer: [] }],
    parameters: [...parameters('path', def.params), ...parameters('query', def.query)],
    ...(def.body === undefined ? {} : { requestBody: requestBody(def.body) }),
    responses: {
      [def.status ?? 200]: {
        description: open ? 'Success' : `Success; needs the role ${def.role}`,
        content: content(def, schemas),
      },
      ...errors(open),
    },
  };
}

function content(def: RouteDef, schemas: NamedSchemas): JsonSchema {
  if (def.file !== undefined) return { [def.file]: { schema: { type: 'string', format: 'binary' } } };
  return {
    'application/json': { schema: schemas.of(def.response) },
    ...(def.streams === true ? { 'text/event-stream': { schema: { type: 'string' } } } : {}),
  };
}

function requestBody(body: z.ZodType): JsonSchema {
  return {
    required: !body.safeParse(undefined).success,
    content: { 'application/json': { schema: convert(body, 'input') } },
  };
}

function parameters(where: 'path' | 'query', schema: z.ZodType | undefined): JsonSchema[] {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, field]) => ({
    name,
    in: where,
    required: where === 'path' || !field.safeParse(undefined).success,
    // What the text in the address is read as: its input side would only say "anything".
    schema: convert(field, 'output'),
  }));
}

function errors(open: boolean): Record<string, JsonSchema> {
  const statuses = open ? COMMON : ([401, ...COMMON] as const);
  return Object.fromEntries(
    statuses.map((status) => {
      const codes = Object.entries(ERRORS).flatMap(([code, row]) => (row.status === status ? [code] : []));
      const schema = { $ref: refTo('ErrorBody') };
      return [status, { description: codes.join(', '), content: { 'application/json': { schema } } }];
    }),
  );
}

const convert = (schema: z.ZodType, io: 'input' | 'output'): JsonSchema =>
  bare(z.toJSONSchema(schema, { io, unrepresentable: 'any' }));

/** Without what only a document of its own needs. */
function bare({ $schema: _schema, $id: _id, ...schema }: JsonSchema): JsonSchema {
  return schema;
}
