import * as z from 'zod';

/** Words that are routes or well-known names and so can never be an agent's id (FEATURES A26). */
export const RESERVED_IDS: ReadonlySet<string> = new Set(
  'health ping rpc server admin metrics api ws docs events nox external constructor'.split(' '),
);

/** An agent's id: it becomes a file name, a table key and a URL segment, so its grammar is strict. */
export const AgentId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$/, 'must be 3 to 50 characters of a-z, 0-9 and "-", not at either end')
  .refine((id) => !RESERVED_IDS.has(id), 'is a reserved word');

const prefixed = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`), `must look like ${prefix}_01J…`);

export const TurnId = prefixed('trn');
export const ApprovalId = prefixed('apr');
export const MessageId = prefixed('msg');

/** A full git commit id; abbreviations and ref names are refused so that nothing can be an option or a ref trick. */
export const CommitHash = z.string().regex(/^[0-9a-f]{40}$/, 'must be a full 40-digit commit hash');

/** RFC 3339 in UTC, as stored and shown. */
export const Timestamp = z.iso.datetime();

export const PageQuery = z.object({
  page: z.coerce.number().int().min(1).default(1),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

export const Pagination = z.object({ page: z.number(), limit: z.number(), total: z.number() });
