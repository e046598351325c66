import * as z from 'zod';
import { SecretReference } from './agent.js';
import { RiskLevel } from './approval.js';
import { ApprovalId, Timestamp } from './ids.js';

const ClockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day, as 22:00');
/** The address itself, or a reference to it when it is a secret, as those of Slack are. */
const Target = z.union([SecretReference, z.url({ protocol: /^https?$/, error: 'must be an http or https address' })]);

const step = {
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,48}$/, 'must be small letters, digits and dashes'),
  /** So long after the request. */
  after_s: z.number().int().min(0).max(604_800).default(0),
  /** Only what is at least so risky. */
  min_risk: RiskLevel.default('low'),
  /** The user who is told: a one-time link in that user's name goes along. */
  for: z.string().min(1).max(64).optional(),
};

/** One rung: whom a request is told that nobody has decided yet. */
export const AttentionStep = z.discriminatedUnion('via', [
  /** JSON, signed with the secret: `x-nox-signature: t=<unix time>,v1=<hex HMAC-SHA256 over "<t>.<body>">`. */
  z.strictObject({ ...step, via: z.literal('webhook'), url: Target, secret: SecretReference }),
  z.strictObject({ ...step, via: z.literal('slack'), url: Target }),
  z.strictObject({ ...step, via: z.literal('email'), to: z.array(z.email()).min(1).max(20) }),
]);
export type AttentionStep = z.infer<typeof AttentionStep>;

/** Whom Nox tells of what waits, beside the dashboard, and when it does not. At the end stands the denial by expiry. */
export const Attention = z
  .looseObject({
    /** By the server's local time; `from` after `to` goes over midnight. What is not urgent does not expire in them. */
    quiet_hours: z.strictObject({ from: ClockTime, to: ClockTime }).optional(),
    /** Told in quiet hours, too. */
    urgent_risk: RiskLevel.default('critical'),
    max_attempts: z.number().int().min(1).max(20).default(6),
    /** Nothing riskier is decided by a one-time link. */
    link_max_risk: RiskLevel.default('high'),
    steps: z.array(AttentionStep).max(20).default([]),
    smtp: z
      .strictObject({
        host: z.string().min(1),
        port: z.number().int().min(1).max(65_535).default(587),
        /** TLS from the first byte; otherwise STARTTLS, which is required unless `insecure`. */
        secure: z.boolean().default(false),
        insecure: z.boolean().default(false),
        from: z.string().min(3).max(320),
        user: z.string().optional(),
        password: SecretReference.optional(),
      })
      .optional(),
  })
  .superRefine(({ steps, smtp }, context) => {
    steps.forEach(({ id, via }, index) => {
      if (steps.findIndex((other) => other.id === id) !== index)
        context.addIssue({
          code: 'custom',
          path: ['steps', index, 'id'],
          message: `"${id}" is the id of another step`,
        });
      if (via === 'email' && smtp === undefined)
        context.addIssue({ code: 'custom', path: ['smtp'], message: 'is needed for steps by e-mail' });
    });
  });
export type Attention = z.infer<typeof Attention>;

/** What became of telling somebody of a request. */
export const Notice = z.object({
  approval_id: ApprovalId,
  step_id: z.string(),
  via: z.enum(['webhook', 'slack', 'email']),
  state: z.enum(['waiting', 'sent', 'failed', 'dropped']),
  due_at: Timestamp,
  attempts: z.number().int(),
  sent_at: Timestamp.nullable(),
  /** Why the last try failed, or why it was dropped. */
  reason: z.string().nullable(),
});
export type Notice = z.infer<typeof Notice>;
export const NoticeList = z.object({ notices: z.array(Notice) });
