/** What is told instead of a secret, and how it is known. */
export type SecretFormat = readonly [kind: string, pattern: RegExp];

/** A password in an address that is a placeholder is none. */
const REAL_PASSWORD = String.raw`(?!(?:pass(?:word|wd)?|secret|token|x+|\*+|\.{3}|redacted|changeme)@)(?![<$%{[(])`;

/**
 * Formats of secrets as their issuers document them. A net for known shapes, not a proof of absence: a password that looks
 * like a word is not seen. Patterns are linear; the longer, more certain ones come first.
 */
export const SECRET_FORMATS: readonly SecretFormat[] = [
  [
    'private-key',
    /-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$)/g,
  ],
  ['age-key', /\bAGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}\b/g],
  ['anthropic-key', /\bsk-ant-[A-Za-z0-9_-]{8,}/g],
  ['openrouter-key', /\bsk-or-v1-[0-9a-f]{32,}/g],
  ['api-key', /\bsk-[A-Za-z0-9_-]{16,}/g],
  ['groq-key', /\bgsk_[A-Za-z0-9]{32,}/g],
  ['xai-key', /\bxai-[A-Za-z0-9]{40,}/g],
  ['perplexity-key', /\bpplx-[A-Za-z0-9]{32,}/g],
  ['huggingface-token', /\b(?:hf_|api_org_)[A-Za-z0-9]{30,}/g],
  ['replicate-token', /\br8_[A-Za-z0-9]{32,}/g],
  ['github-token', /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})/g],
  ['gitlab-token', /\bgl(?:pat|rt|dt|ptt|cbt|soat|ft|imt|agent|oas)-[A-Za-z0-9_-]{20,}/g],
  ['slack-webhook', /\bhooks\.slack\.com\/(?:services|workflows)\/[A-Za-z0-9/_-]{20,}/g],
  ['slack-token', /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g],
  ['slack-app-token', /\bxapp-\d-[A-Z0-9]{8,}-\d+-[a-f0-9]{32,}/g],
  ['aws-key', /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g],
  ['aws-secret', /(?<=aws_?secret_?(?:access_?)?key["']?\s{0,3}[=:]\s{0,3}["']?)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])/gi],
  ['azure-key', /(?<=\b(?:AccountKey|SharedAccessKey)=)[A-Za-z0-9+/]{40,}={0,2}/g],
  ['google-key', /\bAIza[A-Za-z0-9_-]{35}/g],
  ['google-secret', /\bGOCSPX-[A-Za-z0-9_-]{24,}/g],
  ['google-token', /\bya29\.[A-Za-z0-9_-]{20,}/g],
  ['stripe-key', /\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/]{24,}/g],
  ['twilio-key', /\bSK[0-9a-f]{32}\b/g],
  ['sendgrid-key', /\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,}/g],
  ['mailgun-key', /\bkey-[0-9a-f]{32}\b/g],
  ['mailchimp-key', /\b[0-9a-f]{32}-us\d{1,2}\b/g],
  ['npm-token', /\bnpm_[A-Za-z0-9]{36}\b/g],
  ['pypi-token', /\bpypi-[A-Za-z0-9_-]{50,}/g],
  ['docker-token', /\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}/g],
  ['digitalocean-token', /\bdo[opr]_v1_[0-9a-f]{64}\b/g],
  ['heroku-key', /\bHRKU-[A-Za-z0-9_-]{30,}/g],
  ['shopify-token', /\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b/g],
  ['square-token', /\bsq0(?:atp|csp)-[A-Za-z0-9_-]{22,}/g],
  ['telegram-token', /\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b/g],
  ['discord-webhook', /\bdiscord(?:app)?\.com\/api\/webhooks\/\d{16,}\/[A-Za-z0-9_-]{40,}/g],
  ['discord-token', /\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}/g],
  ['databricks-token', /\bdapi[0-9a-f]{32}\b/g],
  ['vault-token', /\bhv[sbr]\.[A-Za-z0-9_-]{20,}/g],
  ['terraform-token', /\b[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{40,}/g],
  ['newrelic-key', /\bNR(?:AK|II|JS)-[A-Za-z0-9]{20,}/g],
  ['sentry-token', /\bsntry[su]_[A-Za-z0-9+/=_-]{40,}/g],
  ['postman-key', /\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b/g],
  ['linear-key', /\blin_(?:api|oauth)_[A-Za-z0-9]{32,}/g],
  ['notion-token', /\bntn_[A-Za-z0-9]{40,}/g],
  ['doppler-token', /\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{40,}/g],
  ['grafana-token', /\bgl(?:sa|c)_[A-Za-z0-9+/=_]{32,}/g],
  ['atlassian-token', /\bATATT3[A-Za-z0-9_=-]{50,}/g],
  ['jwt', /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g],
  ['bearer-token', /(?<=\bBearer\s{1,4})[A-Za-z0-9._~+/-]{16,}=*/gi],
  ['basic-auth', /(?<=\bBasic\s{1,4})[A-Za-z0-9+/]{16,}={0,2}(?=["'\s]|$)/g],
  [
    'password-in-address',
    new RegExp(
      String.raw`(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/"']{0,100}:)${REAL_PASSWORD}[^\s:@/"']{3,200}(?=@)`,
      'gi',
    ),
  ],
];
