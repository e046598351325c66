import type { z } from 'zod';
import { type Frame, FRAME_SCHEMAS, SYSTEM_SCHEMAS } from './frames.js';

export type ParsedLine =
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** A type that Nox does not know or need. New CLI versions add some; they are no fault. */
  | { readonly kind: 'ignored' }
  | { readonly kind: 'malformed'; readonly reason: string };

/** Deeper nesting is refused: code behind this edge walks values recursively. */
const MAX_DEPTH = 200;
const malformed = (reason: string): ParsedLine => ({ kind: 'malformed', reason });

/** Reads one line of the protocol. Never throws, whatever the line holds. */
export function parseLine(line: string): ParsedLine {
  if (isTooDeep(line)) return malformed(`nested deeper than ${MAX_DEPTH}`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return malformed('not JSON');
  }
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string') {
    return malformed('not an object with a type');
  }
  if (value.type === 'system') {
    const subtype = 'subtype' in value ? value.subtype : undefined;
    return typeof subtype === 'string' && Object.hasOwn(SYSTEM_SCHEMAS, subtype)
      ? read(`system/${subtype}`, SYSTEM_SCHEMAS[subtype as keyof typeof SYSTEM_SCHEMAS], value)
      : { kind: 'ignored' };
  }
  return Object.hasOwn(FRAME_SCHEMAS, value.type)
    ? read(value.type, FRAME_SCHEMAS[value.type as keyof typeof FRAME_SCHEMAS], value)
    : { kind: 'ignored' };
}

function read(type: string, schema: z.ZodType, value: object): ParsedLine {
  const result = schema.safeParse(value);
  if (result.success) return { kind: 'frame', frame: { type, body: result.data } as Frame };
  const [issue] = result.error.issues;
  return malformed(`${type}: ${issue?.path.map(String).join('.') ?? ''} ${issue?.message ?? 'does not fit'}`);
}

/** Counts brackets outside of strings; cheaper than parsing, and needs no stack. */
function isTooDeep(line: string): boolean {
  let depth = 0;
  let in_string = false;
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charCodeAt(at);
    if (in_string) {
      if (char === 0x5c) at += 1;
      else if (char === 0x22) in_string = false;
    } else if (char === 0x22) in_string = true;
    else if (char === 0x7b || char === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (char === 0x7d || char === 0x5d) depth -= 1;
  }
  return false;
}
