import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { delimiter, join, resolve, sep } from 'node:path';

/** Files that a program's name may mean, in order. A name with a slash is a path; others are looked for in `path` (as $PATH). */
export function candidates(name: string, path: string | undefined, cwd?: string): string[] {
  if (name.includes(sep)) return [cwd === undefined ? resolve(name) : resolve(cwd, name)];
  return (path ?? '')
    .split(delimiter)
    .filter((folder) => folder.startsWith(sep))
    .map((folder) => join(folder, name));
}

/** Whether it is a file that may be executed. */
export async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false; // not there, or not for us
  }
}

/** The program's file with symlinks resolved; undefined when it is none. */
export const realProgram = async (path: string): Promise<string | undefined> =>
  (await isProgram(path)) ? await realpath(path) : undefined;
