/**
 * Formats of secrets that may stand in a conversation. Git forgets nothing, so they are cut before they are written. A
 * net for known shapes, not a proof of absence.
 */
const SECRETS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['private-key', /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g],
  ['anthropic-key', /\bsk-ant-[A-Za-z0-9_-]{8,}/g],
  ['api-key', /\bsk-[A-Za-z0-9_-]{16,}/g],
  ['github-token', /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})/g],
  ['slack-token', /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g],
  ['aws-key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g],
  ['jwt', /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g],
  ['bearer-token', /(?<=\bBearer\s{1,4})[A-Za-z0-9._~+/-]{16,}=*/gi],
];

/** Replaces what looks like a secret by `[redacted:<kind>]`. */
export function redact(text: string): string {
  return SECRETS.reduce((result, [name, pattern]) => result.replace(pattern, `[redacted:${name}]`), text);
}
