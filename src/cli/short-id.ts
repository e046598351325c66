import { usageError } from './cli-error.js';

/**
 * The one id that begins or ends with what a person typed, with or without the ids' prefix, in any case. Undefined when
 * there is none; a usage error that names them when there are several.
 */
export function pickShort(short: string, ids: readonly string[], prefix = ''): string | undefined {
  const typed = short.toLowerCase();
  const bare = typed.startsWith(prefix) ? typed.slice(prefix.length) : typed;
  if (bare === '') return undefined;
  const found = ids.filter((id) => {
    const rest = id.toLowerCase().slice(prefix.length);
    return rest === bare || rest.startsWith(bare) || rest.endsWith(bare);
  });
  if (found.length > 1) {
    const few = found.slice(0, 5).join(', ');
    throw usageError(`${short} could be ${few}${found.length > 5 ? ` and ${found.length - 5} more` : ''}.`);
  }
  return found[0];
}
