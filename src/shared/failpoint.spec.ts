import { afterEach, describe, expect, it } from '@jest/globals';
import { armFailpoints, failpoint } from './failpoint.js';

describe('failpoints', () => {
  afterEach(() => armFailpoints(undefined));

  it('do nothing, not even wait, unless they are armed', () => {
    expect(failpoint('a.b')).toBeUndefined();
    armFailpoints('a.c=throw');
    expect(failpoint('a.b')).toBeUndefined();
  });

  it('fail each time, or at the n-th hit only', async () => {
    armFailpoints('a.b=throw,a.c=enospc@2');
    await expect(failpoint('a.b')).rejects.toThrow('failpoint a.b');
    await expect(failpoint('a.b')).rejects.toThrow('failpoint a.b');
    await failpoint('a.c');
    await expect(failpoint('a.c')).rejects.toMatchObject({ code: 'ENOSPC' });
    await failpoint('a.c');
  });

  it('wait', async () => {
    armFailpoints('a.b=sleep:5');
    const began = performance.now();
    await failpoint('a.b');
    expect(performance.now() - began).toBeGreaterThan(3);
  });

  it.each(['a.b', 'a.b=die', 'a.b=sleep', 'a.b=kill@x', 'A=kill', 'ab=kill'])('refuse %j', (text) => {
    expect(() => armFailpoints(text)).toThrow(/NOX_FAILPOINTS/);
  });
});
