import type { Approval } from '../../contracts/approval.js';

/** What is told of a request: who asks for what kind of thing and why it is risky, never the input itself, which may hold anything. */
export interface NoticeFacts {
  readonly approval: Approval;
  /** Where it can be decided after a login. */
  readonly url: string;
  /** The one-time link, if the step is for somebody. */
  readonly link: string | undefined;
  /** Why there is none, though the step is for somebody. */
  readonly no_link?: string | undefined;
}

/** One line for subjects. */
export const subjectOf = ({ agent_id, tool_name, risk_level }: Approval): string =>
  plain(`Nox: ${agent_id} asks to use ${tool_name} (${risk_level} risk)`, 200);

export function textOf({ approval, url, link, no_link }: NoticeFacts): string {
  const votes =
    approval.approvals_needed === undefined
      ? []
      : [`${approval.votes?.length ?? 0} of ${approval.approvals_needed} people have approved it.`];
  return [
    subjectOf(approval),
    ...approval.reasons.map((reason) => `- ${plain(reason, 300)}`),
    ...votes,
    `Denied by itself at ${approval.expires_at}.`,
    '',
    ...(link === undefined ? [] : [`See and decide (once): ${link}`]),
    ...(no_link === undefined ? [] : [`No one-time link: ${no_link}`]),
    `After login: ${url}`,
  ].join('\n');
}

/** Slack's own marks are taken out of what an agent has said. */
export const slackBody = (facts: NoticeFacts): string =>
  JSON.stringify({
    text: textOf(facts).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  });

export function webhookBody(
  { approval, url, link, no_link }: NoticeFacts,
  id: string,
  step_id: string,
  sent_at: string,
): string {
  const { agent_id, tool_name, request_type, risk_level, reasons, input_sha256, requested_at, expires_at } = approval;
  return JSON.stringify({
    id,
    type: 'approval.waiting',
    sent_at,
    step_id,
    approval: {
      id: approval.id,
      agent_id,
      tool_name,
      request_type,
      risk_level,
      reasons,
      input_sha256,
      requested_at,
      expires_at,
      approvals_needed: approval.approvals_needed ?? 1,
      approvals_given: approval.votes?.length ?? 0,
    },
    url,
    link: link ?? null,
    no_link: no_link ?? null,
  });
}

/** On one line, without what would not show. */
const plain = (text: string, max: number): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, max);
