import { IntentFileName } from '@contracts/registry.js';
import { TaskFileName } from '@contracts/registry-transfer.js';
import type { RouteCall } from '@contracts/routes.js';
import { type TextFile, unpackTarGz } from '../../../lib/tar.js';

export type ImportFile = (RouteCall<'registry_import'>['body'] & object)['files'][number];

/** What was chosen, as an import takes it, and what of it is neither configuration nor a task file. */
export interface Chosen {
  readonly files: readonly ImportFile[];
  readonly ignored: readonly string[];
}

/** Reads archives of an export, and single files of one; throws in words. */
export async function readChosen(list: readonly File[]): Promise<Chosen> {
  const found = await Promise.all(
    list.map(async (file): Promise<readonly TextFile[]> => {
      if (!/\.(tar\.gz|tgz)$/.test(file.name)) return [{ path: file.name, text: await file.text() }];
      try {
        return await unpackTarGz(file);
      } catch (error) {
        throw new Error(`${file.name} cannot be read: ${error instanceof Error ? error.message : String(error)}.`, {
          cause: error,
        });
      }
    }),
  );
  const files = new Map<ImportFile['path'], string>();
  const ignored: string[] = [];
  for (const { path, text } of found.flat()) {
    // A single task file has lost its folder.
    const name = IntentFileName.or(TaskFileName).safeParse(/^[a-z0-9-]+\.md$/.test(path) ? `tasks/${path}` : path);
    if (name.success) files.set(name.data, text);
    else ignored.push(path);
  }
  if (files.size === 0) throw new Error('There is neither configuration nor a task file of Nox in it.');
  return { files: [...files].map(([path, text]) => ({ path, text })), ignored };
}
