import * as z from 'zod';
import { Approval } from './approval.js';
import { ApprovalId, Timestamp } from './ids.js';

export const LinkId = z.string().regex(/^lnk_[0-9A-HJKMNP-TV-Z]{26}$/, 'must look like lnk_01J…');

/** A one-time link by which one person can decide one request from any browser. Its token is shown once, never stored. */
export const ApprovalLink = z.object({
  id: LinkId,
  approval_id: ApprovalId,
  /** In whose name it decides, with that user's role at that time. */
  username: z.string(),
  created_by: z.string(),
  created_at: Timestamp,
  expires_at: Timestamp,
  status: z.enum(['open', 'used', 'revoked', 'expired']),
});
export type ApprovalLink = z.infer<typeof ApprovalLink>;
export const ApprovalLinkList = z.object({
  links: z.array(ApprovalLink),
  /** Why none can be made of this request; null when one can. */
  refusal: z.string().nullable(),
});
export type ApprovalLinkList = z.infer<typeof ApprovalLinkList>;

export const CreateLinkRequest = z
  .strictObject({
    /** Another user than oneself; for admins. */
    username: z.string().min(1).max(64).optional(),
    /** Never longer than the request waits. */
    expires_in_s: z.number().int().min(60).max(604_800).default(86_400),
  })
  .prefault({});
export type CreateLinkRequest = z.infer<typeof CreateLinkRequest>;
/** `url` holds the token after a `#`, which browsers send to nobody: opening it decides nothing and leaves no trace. */
export const CreatedLink = z.object({ link: ApprovalLink, url: z.string() });
export type CreatedLink = z.infer<typeof CreatedLink>;

export const LinkToken = z.string().min(20).max(400);
export const OpenLinkRequest = z.strictObject({ token: LinkToken });
/** What the page of a link shows: the whole request, to the byte. */
export const OpenedLink = z.object({ link: ApprovalLink, approval: Approval });
export type OpenedLink = z.infer<typeof OpenedLink>;
export const DecideByLinkRequest = z.strictObject({
  token: LinkToken,
  decision: z.enum(['approve', 'deny']),
  reason: z.string().max(2000).optional(),
  /** To questions of the agent, by question. */
  answers: z.record(z.string().max(10_000), z.string().max(10_000)).optional(),
});
export type DecideByLinkRequest = z.infer<typeof DecideByLinkRequest>;
