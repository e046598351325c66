import { NoxError } from '../nox-error.js';

export const MAX_JSON_DEPTH = 32;
export const MAX_JSON_KEYS = 10_000;

/**
 * Parses a request's body. An empty one is `undefined`, so that a POST without a body may still name its type. Throws
 * INVALID_REQUEST for what is not JSON, is nested deeper or holds more keys than any honest request, or has a
 * `__proto__` key (which a later merge could re-arm).
 */
export function parseJsonBody(text: string): unknown {
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new NoxError('INVALID_REQUEST', 'The body is not valid JSON.', undefined, { cause });
  }
  checkShape(value);
  return value;
}

function checkShape(root: unknown): void {
  let keys = 0;
  const waiting: [value: unknown, depth: number][] = [[root, 1]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [value, depth] = next;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > MAX_JSON_DEPTH) {
      throw new NoxError('INVALID_REQUEST', `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`);
    }
    for (const [key, inner] of Object.entries(value)) {
      keys += 1;
      if (keys > MAX_JSON_KEYS) {
        throw new NoxError('INVALID_REQUEST', `The body has more than ${MAX_JSON_KEYS} keys.`);
      }
      if (key === '__proto__') throw new NoxError('INVALID_REQUEST', 'The body has a "__proto__" key.');
      waiting.push([inner, depth + 1]);
    }
  }
}
