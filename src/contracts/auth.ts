import * as z from 'zod';

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
