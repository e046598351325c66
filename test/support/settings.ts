import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NoxServer } from './nox-server.js';
import { eventually } from './wait.js';

const FILE = 'system-config.toml';

/** Puts settings in force that a hand edit alone does not change: they are written, and confirmed as a person does it. */
export async function setGuardedSettings(nox: NoxServer, text: string): Promise<void> {
  writeFileSync(join(nox.registry, FILE), `schema_version = 1\n${text}`);
  const edit = await eventually('the edit of the settings is held', async () =>
    (await nox.call('registry_external')).edits.find(({ file }) => file === FILE),
  );
  await nox.call('registry_external_accept', {
    body: { edits: [{ file: FILE, version: edit.version }], confirm: true },
  });
}
