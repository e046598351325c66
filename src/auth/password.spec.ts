import { describe, expect, it } from '@jest/globals';
import { PasswordHasher } from './password.js';

const cheap = { N: 16, r: 8, p: 1 };

describe(PasswordHasher.name, () => {
  const hasher = new PasswordHasher(cheap);

  it('knows the password again, and no other', async () => {
    const stored = await hasher.hash('correct horse');
    await expect(hasher.verify('correct horse', stored)).resolves.toBe(true);
    await expect(hasher.verify('correct horsE', stored)).resolves.toBe(false);
    await expect(hasher.verify('', stored)).resolves.toBe(false);
  });

  it('salts: equal passwords have different hashes', async () => {
    expect(await hasher.hash('same')).not.toBe(await hasher.hash('same'));
  });

  it('goes on reading hashes of another cost', async () => {
    const stored = await new PasswordHasher({ ...cheap, N: 32 }).hash('x');
    expect(stored).toMatch(/^scrypt\$32\$8\$1\$/);
    await expect(hasher.verify('x', stored)).resolves.toBe(true);
  });

  it('takes the composed and the decomposed form of a letter as one', async () => {
    await expect(hasher.verify('u\u0308', await hasher.hash('\u00fc'))).resolves.toBe(true);
  });

  it('never lets an unknown user in', async () => {
    await expect(hasher.verify('x', undefined)).resolves.toBe(false);
  });

  it('refuses a stored text that is no hash', async () => {
    await expect(hasher.verify('x', 'plain')).rejects.toThrow('cannot be read');
  });
});
