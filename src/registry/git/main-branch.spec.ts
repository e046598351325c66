import { describe, expect, it } from '@jest/globals';
import { parseStatus } from './main-branch.js';

const HASH = 'a'.repeat(40);
const lines = (...all: string[]): string => all.map((line) => `${line}\0`).join('');

describe('parseStatus', () => {
  it('reads branch, commit and what differs', () => {
    const output = lines(
      `# branch.oid ${HASH}`,
      '# branch.head main',
      `1 .M N... 100644 100644 100644 ${HASH} ${HASH} agents.toml`,
      `1 M. N... 100644 100644 100644 ${HASH} ${HASH} a file.toml`,
      '? left over',
    );
    expect(parseStatus(output)).toEqual({
      branch: 'main',
      head: HASH,
      dirty: ['agents.toml', 'a file.toml', 'left over'],
      staged: true,
    });
  });

  it('knows a branch without commits', () => {
    expect(parseStatus(lines('# branch.oid (initial)', '# branch.head main'))).toEqual({
      branch: 'main',
      head: null,
      dirty: [],
      staged: false,
    });
  });
});
