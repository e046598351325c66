import * as z from 'zod';
import { Timestamp } from './ids.js';

/** What a person may do. Each includes the ones before it: viewer, operator, admin. */
export const Role = z.enum(['viewer', 'operator', 'admin']);
export type Role = z.infer<typeof Role>;

export const LoginRequest = z.strictObject({
  username: z.string().min(1).max(64),
  password: z.string().min(1).max(1024),
});
export const LoginLinkRequest = z.strictObject({ token: z.string().min(16).max(256) });
/** The refresh token comes in the body, or in the browser's HttpOnly cookie. */
export const RefreshRequest = z.strictObject({ refresh_token: z.string().min(16).max(256).optional() }).prefault({});

export const User = z.object({ username: z.string(), role: Role });
export type User = z.infer<typeof User>;

export const TokenReply = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.number().int().describe('seconds'),
  refresh_token: z.string(),
  user: User,
});
export type TokenReply = z.infer<typeof TokenReply>;

/** Authors of commits and decisions that are no persons. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['nox', 'policy', 'external', 'agent', 'system']);

export const CreateUser = z.strictObject({
  username: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{1,31}$/)
    .refine((name) => !RESERVED_NAMES.has(name), 'is a name by which Nox signs'),
  password: z.string().min(8).max(1024),
  role: Role,
});
export const UserList = z.object({ users: z.array(User) });
/** A token for a program that is no browser, such as an MCP client: it opens `/mcp` and nothing else. */
export const ClientName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,31}$/, 'must be 1 to 32 characters of a-z, 0-9 and ._-');
export const CreateClient = z.strictObject({
  name: ClientName,
  /** At most the role of its user, whatever is written here. */
  role: Role.default('operator'),
  expires_in_days: z.number().int().min(1).max(366).default(90),
});
export type CreateClient = z.infer<typeof CreateClient>;
export const Client = z.object({
  name: z.string(),
  username: z.string(),
  role: Role,
  created_at: Timestamp,
  expires_at: Timestamp,
});
export type Client = z.infer<typeof Client>;
export const ClientList = z.object({ clients: z.array(Client) });
/** The token is shown this once; Nox keeps only its hash. */
export const ClientReply = Client.extend({ token: z.string() });
export type ClientReply = z.infer<typeof ClientReply>;

export const ChangePassword = z.strictObject({
  current_password: z.string().min(1).max(1024),
  new_password: z.string().min(8).max(1024),
});

/** Who does a thing: it is named in every commit, event and decision. */
export interface Actor {
  /** `admin`, `agent:lead`, `external`, `nox`. */
  readonly name: string;
  readonly role: Role;
  readonly request_id?: string | undefined;
}
