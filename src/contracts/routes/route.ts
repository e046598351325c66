import type * as z from 'zod';
import type { Role } from '../auth.js';

export interface RouteDef {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** As Nest and OpenAPI share it after a rewrite of `:id`; under `/api/v1` (and `/api`) unless `root`. */
  readonly path: string;
  readonly summary: string;
  /** Who may call it; `public` needs no token. */
  readonly role: Role | 'public';
  readonly status?: number;
  readonly root?: boolean;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** Its body may be larger than others are; a few at once. */
  readonly large_body?: boolean;
  readonly response: z.ZodType;
  /** Tokens of MCP clients open it, too; no other route. */
  readonly clients?: boolean;
  /** Answers with a file of this media type, not with JSON. */
  readonly file?: string;
  /** Answers with Server-Sent Events when asked by `Accept` or by a query or body field. */
  readonly streams?: boolean;
}

/** Keeps the literal types of a route, so that a controller and the client know its shapes. */
export const route = <const T extends RouteDef>(def: T): T => def;
