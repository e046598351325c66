import { hkdfSync, randomBytes } from 'node:crypto';
import { chmod, readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../shared/atomic-file.js';
import { errnoOf, NoxError } from '../shared/nox-error.js';

export interface JwtKey {
  readonly kid: string;
  readonly secret: Buffer;
}

const SECRET_BYTES = 32;
const LINE = /^([\w-]{8,64}) ([\w-]+)$/;

/**
 * The keys that sign access tokens, in a file that only Nox's user can read: the present one first, then the one
 * before, so that a rotation logs nobody out. There is no default key: the file is made at the first start.
 */
export class JwtKeys {
  private constructor(
    private readonly path: string,
    private keys: readonly JwtKey[],
  ) {}

  /** Opens or makes the file. Throws STORAGE_FAILED, with the remedy, when it is damaged or its secret is too short. */
  static async open(path: string): Promise<JwtKeys> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
      await chmod(path, 0o600);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      const keys = new JwtKeys(path, [newKey()]);
      await keys.save();
      return keys;
    }
    return new JwtKeys(path, parse(path, text));
  }

  /** Signs new tokens. */
  get current(): JwtKey {
    const [key] = this.keys;
    if (key === undefined) throw new Error('there is no signing key');
    return key;
  }

  /** Another key for another purpose; a rotation changes it. */
  derived(purpose: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.current.secret, '', purpose, 32));
  }

  /** By the id that a token claims; undefined for any that this file does not hold. */
  find(kid: string): JwtKey | undefined {
    return this.keys.find((key) => key.kid === kid);
  }

  /** Makes a new current key. Tokens of the one before stay good until they expire; older ones do not. */
  async rotate(): Promise<void> {
    this.keys = [newKey(), this.current];
    await this.save();
  }

  private async save(): Promise<void> {
    const lines = this.keys.map(({ kid, secret }) => `${kid} ${secret.toString('base64url')}\n`);
    await writeFileAtomic(this.path, lines.join(''), 0o600);
  }
}

const newKey = (): JwtKey => ({ kid: randomBytes(9).toString('base64url'), secret: randomBytes(SECRET_BYTES) });

function parse(path: string, text: string): JwtKey[] {
  const keys = text
    .trim()
    .split('\n')
    .map((line): JwtKey => {
      const [, kid, encoded] = LINE.exec(line) ?? [];
      const secret = Buffer.from(encoded ?? '', 'base64url');
      if (kid === undefined || secret.length < SECRET_BYTES) {
        throw new NoxError(
          'STORAGE_FAILED',
          `${path} does not hold a signing key. Remove it and start Nox again: a new one is made, and everybody logs in anew.`,
        );
      }
      return { kid, secret };
    });
  return keys.slice(0, 2);
}
