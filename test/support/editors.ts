import { execFile } from 'node:child_process';
import { copyFile, open, readFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
type Save = (path: string, text: string) => Promise<void>;

const beside = (path: string, name: string): string => join(dirname(path), name);

async function inPieces(path: string, text: string, pieces: number, pause_ms: number): Promise<void> {
  const file = await open(path, 'w');
  const size = Math.ceil(text.length / pieces);
  for (let at = 0; at < text.length; at += size) {
    if (at > 0) await delay(pause_ms);
    await file.write(text.slice(at, at + size));
  }
  await file.close();
}

/** By a program that takes the text from a file of its own. */
async function by(command: string, args: (source: string) => string[], path: string, text: string): Promise<void> {
  const source = beside(path, `.source-${basename(path)}`);
  await writeFile(source, text);
  await run(command, args(source));
  await rm(source, { force: true });
}

/** How editors and programs save a file, call by call. */
export const SAVES: Readonly<Record<string, Save>> = {
  'cut and write (VS Code, nano)': (path, text) => writeFile(path, text),
  'new file and rename': async (path, text) => {
    await writeFile(beside(path, `.${basename(path)}.tmp`), text);
    await rename(beside(path, `.${basename(path)}.tmp`), path);
  },
  'vim, backup by rename': async (path, text) => {
    await writeFile(beside(path, `.${basename(path)}.swp`), 'b0VIM 9.0');
    await writeFile(beside(path, '4913'), '');
    await unlink(beside(path, '4913'));
    await rename(path, `${path}~`);
    await writeFile(path, text);
    await unlink(`${path}~`);
    await unlink(beside(path, `.${basename(path)}.swp`));
  },
  'vim, backup by copy': async (path, text) => {
    await copyFile(path, `${path}~`);
    await writeFile(path, text);
    await unlink(`${path}~`);
  },
  'vim, slow between rename and write': async (path, text) => {
    await rename(path, `${path}~`);
    await delay(20);
    await writeFile(path, text);
    await unlink(`${path}~`);
  },
  emacs: async (path, text) => {
    const lock = beside(path, `.#${basename(path)}`);
    await symlink('person@host.1:1', lock);
    await writeFile(beside(path, `#${basename(path)}#`), text.slice(0, 40));
    await copyFile(path, `${path}~`);
    await writeFile(path, text);
    await unlink(beside(path, `#${basename(path)}#`));
    await unlink(lock);
    await unlink(`${path}~`);
  },
  'sed -i': (path, text) => by('sed', (source) => ['-i', '-e', `1r ${source}`, '-e', '1,$d', path], path, text),
  'cp over it': (path, text) => by('cp', (source) => [source, path], path, text),
  'mv over it': (path, text) => by('mv', (source) => [source, path], path, text),
  'cat into it': (path, text) => by('sh', (source) => ['-c', 'cat "$0" > "$1"', source, path], path, text),
  tee: (path, text) => by('sh', (source) => ['-c', 'tee "$1" < "$0" > /dev/null', source, path], path, text),
  'dd, flushed': (path, text) =>
    by('sh', (source) => ['-c', 'dd if="$0" of="$1" conv=fsync status=none', source, path], path, text),
  'half, a pause of 300 ms, the rest': (path, text) => inPieces(path, text, 2, 300),
  'ten pieces, 20 ms apart': (path, text) => inPieces(path, text, 10, 20),
  'cut, a pause of 200 ms, all': async (path, text) => {
    await writeFile(path, '');
    await delay(200);
    await writeFile(path, text);
  },
  'taken away and made anew': async (path, text) => {
    await unlink(path);
    await writeFile(path, text);
  },
  'taken away, a pause of 100 ms, made anew': async (path, text) => {
    await unlink(path);
    await delay(100);
    await writeFile(path, text);
  },
  'rename, flushed': async (path, text) => {
    const tmp = beside(path, `.goutputstream-${basename(path)}`);
    const file = await open(tmp, 'w');
    await file.write(text);
    await file.sync();
    await file.close();
    await rename(tmp, path);
  },
  'twice in a row': async (path, text) => {
    await writeFile(path, text);
    await writeFile(path, text);
  },
  'rename, then touched': async (path, text) => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
    await run('touch', [path]);
  },
};

/** What stands in a file now, as an editor loads it: one that is just being replaced is asked for again. */
export async function load(path: string): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if (attempt === 50) throw error;
      await delay(5);
    }
  }
}
