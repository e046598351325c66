import type { NoxClient } from '../client/http-client.js';
import { CliError, usageError } from './cli-error.js';

const PAGE = 500;
/** How far back a shortened hash is looked for. */
const MAX_PAGES = 20;

/** The whole hash of the commit that begins so. Throws when there is none, or several. */
export async function fullHash(client: NoxClient, short: string): Promise<string> {
  const typed = short.toLowerCase();
  if (/^[0-9a-f]{40}$/.test(typed)) return typed;
  if (!/^[0-9a-f]{4,39}$/.test(typed)) throw usageError(`${short} is no commit: give 4 to 40 digits of its hash.`);
  const found = new Set<string>();
  for (const ref of ['main', 'record'] as const) {
    let before: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const query = { limit: PAGE, ref, ...(before === undefined ? {} : { before }) };
      const { commits, has_more } = await client.call('registry_history', { query });
      for (const { hash } of commits) if (hash.startsWith(typed)) found.add(hash);
      before = commits.at(-1)?.hash;
      if (!has_more || before === undefined) break;
    }
    // Most often it is the configuration that is meant; the record is read only if it is not there.
    if (found.size > 0) break;
  }
  const [hash, ...others] = found;
  if (hash === undefined) throw new CliError('COMMIT_NOT_FOUND', `No commit begins with ${short}.`);
  if (others.length > 0) throw usageError(`${short} could be ${[hash, ...others].join(', ')}.`);
  return hash;
}
