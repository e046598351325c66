import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';

/** Writes files of a folder, named one by one, as a compressed archive. */
export async function packFiles(folder: string, names: readonly string[], to: Writable): Promise<void> {
  const tar = spawn('tar', ['-cf', '-', '--', ...names], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  await Promise.all([pipeline(tar.stdout, createGzip(), to), ended(tar, 'pack')]);
}

/**
 * Puts the contents of a compressed archive into an empty folder of its own. What somebody packed is not to be trusted:
 * links, devices and names that lead elsewhere may lie in the folder or be refused; read only regular files from it. With
 * `max_bytes` what unpacks to more is refused.
 */
export async function unpackFiles(from: Readable, folder: string, max_bytes = Infinity): Promise<void> {
  const options = ['-xf', '-', '--no-same-owner', '--no-same-permissions'];
  const tar = spawn('tar', options, { cwd: folder, stdio: ['pipe', 'ignore', 'pipe'] });
  const { stdin } = tar;
  // Tar stops reading at the archive's end; what is behind it is read all the same, for gzip's own checksum.
  stdin.on('error', () => undefined);
  let bytes = 0;
  const feed = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > max_bytes) throw new Error(`it unpacks to more than ${max_bytes} bytes`);
      if (stdin.destroyed || stdin.write(chunk)) continue;
      await Promise.race([once(stdin, 'drain'), once(stdin, 'close')]);
    }
    stdin.end();
  };
  const fed = pipeline(from, createGunzip(), feed).catch((error: unknown) => {
    stdin.destroy();
    throw error;
  });
  const [read, unpacked] = await Promise.allSettled([fed, ended(tar, 'unpack')]);
  for (const step of [read, unpacked]) if (step.status === 'rejected') throw step.reason as Error;
}

async function ended(tar: ReturnType<typeof spawn>, what: string): Promise<void> {
  let said = '';
  tar.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(0, 2000)));
  const [code] = (await once(tar, 'close')) as [number | null];
  if (code !== 0) throw new Error(`tar could not ${what} it: ${said.trim().split('\n')[0] ?? `status ${code}`}`);
}
