import { SECRET_FORMATS } from './secret-formats.js';

/**
 * Replaces what looks like a secret by `[redacted:<kind>]`. What is written to the record goes through it, since git
 * forgets nothing.
 */
export function redact(text: string): string {
  return SECRET_FORMATS.reduce((result, [kind, pattern]) => result.replace(pattern, `[redacted:${kind}]`), text);
}
