import { describe, expect, it } from '@jest/globals';
import { despiteShortage } from './shortage.js';

const failing = (codes: string[]) => async (): Promise<string> => {
  const code = codes.shift();
  if (code !== undefined) throw Object.assign(new Error(code), { code });
  return 'done';
};

describe('despiteShortage', () => {
  it('goes on while descriptors or memory are short', async () => {
    expect(await despiteShortage(failing(['EMFILE', 'ENFILE', 'ENOMEM']), 0)).toBe('done');
  });

  it('lets every other error rise', async () => {
    await expect(despiteShortage(failing(['EMFILE', 'EINVAL']), 0)).rejects.toThrow('EINVAL');
  });
});
