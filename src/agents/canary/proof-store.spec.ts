import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Proof, ProofStore } from './proof-store.js';

const proof: Proof = {
  schema_version: 1,
  binary_sha256: 'a'.repeat(64),
  gate_version: 'b'.repeat(64),
  surroundings_sha256: 'c'.repeat(64),
  proven_at: '2026-01-01T00:00:00.000Z',
  ways: ['hook: error (write)'],
};
let folder: string;
let store: ProofStore;
const file = (): string => join(folder, readdirSync(folder)[0] ?? '');

beforeEach(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'nox-proofs-')), 'gate-proofs');
  store = new ProofStore(folder);
  await store.write(proof);
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

describe('a proof', () => {
  it('is found again, readable by nobody else', async () => {
    await expect(store.read(proof)).resolves.toEqual(proof);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it.each(['binary_sha256', 'gate_version', 'surroundings_sha256'] as const)('is none for another %s', async (part) => {
    await expect(store.read({ ...proof, [part]: 'd'.repeat(64) })).resolves.toBeUndefined();
    // Also not when only the end differs, which the name of the file does not show.
    await expect(store.read({ ...proof, [part]: `${proof[part].slice(0, 63)}e` })).resolves.toBeUndefined();
  });

  it('is none when others can change the file, or it is a link', async () => {
    chmodSync(file(), 0o644);
    await expect(store.read(proof)).resolves.toBeUndefined();
    chmodSync(file(), 0o600);
    const [path, elsewhere] = [file(), join(folder, '..', 'elsewhere')];
    renameSync(path, elsewhere);
    symlinkSync(elsewhere, path);
    await expect(store.read(proof)).resolves.toBeUndefined();
  });

  it.each(['', '{', '[]', '{"schema_version":1}'])('is none when the file holds %j', async (text) => {
    writeFileSync(file(), text);
    await expect(store.read(proof)).resolves.toBeUndefined();
  });

  it('is none once removed', async () => {
    expect(readFileSync(file(), 'utf8')).toContain('proven_at');
    await store.remove(proof);
    await store.remove(proof);
    await expect(store.read(proof)).resolves.toBeUndefined();
  });
});
