import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from './atomic-file.js';

/** The folder of Nox's own package.json: where the template and the built dashboard are, from source and from the bundle. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'registry-template'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the installation of Nox is incomplete: registry-template is missing');
    folder = parent;
  }
  return folder;
}

export interface Folders {
  /** Registry: intent and record, in git. */
  readonly registry: string;
  /** Secrets, journal and run files, never in git. */
  readonly home: string;
}

/** Where Nox keeps its two folders; `.nox` is made, private to the user who runs Nox. */
export async function openFolders(options: {
  home?: string | undefined;
  registry?: string | undefined;
}): Promise<Folders> {
  const home = resolve(options.home ?? '.nox');
  await makeFolder(home, 0o700);
  await chmod(home, 0o700);
  return { home, registry: resolve(options.registry ?? '.nox-registry') };
}
