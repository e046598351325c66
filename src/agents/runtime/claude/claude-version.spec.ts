import { describe, expect, it } from '@jest/globals';
import { parseVersion, SUPPORTED, versionWarning } from './claude-version.js';

describe(parseVersion.name, () => {
  it.each([
    ['2.1.329 (Claude Code)\n', '2.1.329'],
    ['v10.0.1', '10.0.1'],
    ['Error: something 2.1.329', null],
    ['', null],
  ])('reads %j as %j', (output, version) => {
    expect(parseVersion(output)).toBe(version);
  });
});

describe(versionWarning.name, () => {
  it.each(['2.1.295', '2.1.329', '2.2.0', '3.0.0'])('has nothing to say about %s', (version) => {
    expect(versionWarning(version)).toBeNull();
  });

  it.each(['2.1.294', '2.0.999', '1.9.999'])('warns of %s, with what is supported', (version) => {
    expect(versionWarning(version)).toMatch(version);
    expect(versionWarning(version)).toContain(SUPPORTED);
  });

  it('says that it does not know', () => {
    expect(versionWarning(null)).toContain('did not tell');
  });
});
