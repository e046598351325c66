import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

interface Cost {
  /** Power of two; memory is 1 KiB × `r` × this ÷ 8. */
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** OWASP's scrypt setting for 32 MiB: about 0.2 s of one core. */
export const DEFAULT_COST: Cost = { N: 2 ** 15, r: 8, p: 3 };

const HASH_BYTES = 32;
const FORM = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]+)\$([\w-]+)$/;

/**
 * Hashes passwords with scrypt, off the event loop. The cost stands in the stored text, so that it can be raised later
 * without ending old hashes.
 */
export class PasswordHasher {
  /** Compared with when there is no such user, so that the answer takes as long. */
  private readonly decoy: string;

  constructor(private readonly cost: Cost = DEFAULT_COST) {
    this.decoy = format(cost, randomBytes(16), randomBytes(HASH_BYTES));
  }

  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    return format(this.cost, salt, await derive(password, salt, this.cost));
  }

  /** Whether the password fits; false, after the same time, when nothing is stored. Throws when the text is no hash. */
  async verify(password: string, stored: string | undefined): Promise<boolean> {
    const [, N, r, p, salt, hash] = FORM.exec(stored ?? this.decoy) ?? [];
    if (salt === undefined || hash === undefined) throw new Error('the stored password hash cannot be read');
    const expected = Buffer.from(hash, 'base64url');
    const found = await derive(password, Buffer.from(salt, 'base64url'), { N: Number(N), r: Number(r), p: Number(p) });
    return expected.length === found.length && timingSafeEqual(expected, found) && stored !== undefined;
  }
}

function derive(password: string, salt: Buffer, { N, r, p }: Cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The same letters may be typed composed or not; NFKC makes them one.
    scrypt(password.normalize('NFKC'), salt, HASH_BYTES, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

const format = ({ N, r, p }: Cost, salt: Buffer, hash: Buffer): string =>
  `scrypt$${N}$${r}$${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
