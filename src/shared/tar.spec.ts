import { afterAll, describe, expect, it } from '@jest/globals';
import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packFiles, unpackFiles } from './tar.js';

describe('an archive', () => {
  const base = mkdtempSync(join(tmpdir(), 'nox-tar-'));
  afterAll(() => rmSync(base, { recursive: true, force: true }));
  const path = join(base, 'a.tar.gz');

  it('gives back what was packed, byte for byte', async () => {
    const [from, to] = ['from', 'to'].map((name) => join(base, name)) as [string, string];
    for (const folder of [from, to, join(from, 'tasks')]) mkdirSync(folder);
    const big = Buffer.alloc(300_000, 'x\n\0');
    writeFileSync(join(from, 'big'), big);
    writeFileSync(join(from, 'tasks', '-odd name.md'), 'text');
    await packFiles(from, ['big', 'tasks/-odd name.md'], createWriteStream(path));
    await unpackFiles(createReadStream(path), to);
    expect(readFileSync(join(to, 'big')).equals(big)).toBe(true);
    expect(readdirSync(join(to, 'tasks'))).toEqual(['-odd name.md']);
  });

  it.each([
    ['in its middle', (bytes: Buffer) => Math.floor(bytes.length / 2)],
    ['in its checksum', (bytes: Buffer) => bytes.length - 6],
  ])('is refused when a byte differs %s', async (_, at) => {
    const bytes = readFileSync(path);
    bytes[at(bytes)] = (bytes[at(bytes)] ?? 0) ^ 0xff;
    const broken = join(base, 'broken.tar.gz');
    writeFileSync(broken, bytes);
    const to = mkdtempSync(join(base, 'refused-'));
    await expect(unpackFiles(createReadStream(broken), to)).rejects.toThrow();
  });

  it('is refused when it is cut, or none at all', async () => {
    const to = mkdtempSync(join(base, 'refused-'));
    const cut = join(base, 'cut.tar.gz');
    writeFileSync(cut, readFileSync(path).subarray(0, 200));
    await expect(unpackFiles(createReadStream(cut), to)).rejects.toThrow();
    writeFileSync(cut, 'no archive');
    await expect(unpackFiles(createReadStream(cut), to)).rejects.toThrow();
  });

  it('is refused when it unpacks to more than was agreed', async () => {
    const from = mkdtempSync(join(base, 'bomb-'));
    writeFileSync(join(from, 'zeros'), Buffer.alloc(4_000_000));
    const bomb = join(base, 'bomb.tar.gz');
    await packFiles(from, ['zeros'], createWriteStream(bomb));
    const to = mkdtempSync(join(base, 'refused-'));
    await expect(unpackFiles(createReadStream(bomb), to, 1_000_000)).rejects.toThrow('more than 1000000 bytes');
    await unpackFiles(createReadStream(bomb), mkdtempSync(join(base, 'taken-')), 5_000_000);
  });

  it('says so when a file to pack is not there', async () => {
    await expect(packFiles(base, ['nowhere'], createWriteStream(join(base, 'b')))).rejects.toThrow('nowhere');
  });
});
