/**
 * JSON with one spelling per value: keys sorted by UTF-16 code units, no spaces. Two inputs are the same bytes here if
 * and only if they are the same JSON value. Throws a TypeError on what JSON cannot say (NaN, undefined, functions, loops).
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} is not a JSON number`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${Array.from(value, canonicalJson).join(',')}]`;
  if (typeof value !== 'object') throw new TypeError(`${typeof value} is not a JSON value`);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('only plain objects are JSON values');
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`;
}

/** Everything that a decision is bound to. */
export interface Binding {
  readonly agent_id: string;
  readonly session_id: string | null;
  readonly tool_use_id: string;
  readonly tool_name: string;
  readonly input: unknown;
  readonly cwd: string;
}

/** The text whose hash binds a decision to one call: a change of any part changes it. */
export const bindingText = (call: Binding): string =>
  canonicalJson([call.agent_id, call.session_id, call.tool_use_id, call.tool_name, call.input, call.cwd]);
