import { SECRET_FORMATS } from './secret-formats.js';

/**
 * Replaces what looks like a secret by `[redacted:<kind>]`. What is written to the record goes through it, since git
 * forgets nothing.
 */
export function redact(text: string): string {
  return SECRET_FORMATS.reduce((result, [kind, pattern]) => result.replace(pattern, `[redacted:${kind}]`), text);
}

/** Whether `redact` would change a text; also one that the text is part of, on lines of its own. */
export const holdsSecret = (text: string): boolean => SECRET_FORMATS.some(([, pattern]) => text.search(pattern) >= 0);

const MIN_SECRET = 6;

/** Replaces secrets that are known by their value, each by its name; what is shorter than six characters hides nothing. */
export function redactValues(text: string, secrets: Readonly<Record<string, string>>): string {
  return Object.entries(secrets)
    .filter(([, value]) => value.length >= MIN_SECRET)
    .sort(([, a], [, b]) => b.length - a.length)
    .reduce((result, [name, value]) => result.replaceAll(value, `[redacted:${name}]`), text);
}
