import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { readShell } from '../../../src/approvals/shell/read-shell.js';

const PIECES = 'a b.ts -n x=1 a=~ =ls % @ + : , . / - ^ _ 1 \' " ; & | < > $ ` ( ) { } [ ] * ? ~ # ! = \\'.split(' ');
const piece = fc.constantFrom(...PIECES, ' ', ' ', ' ', "' '", '"x y"', "'a;b'");

/** Commands of the program `p` that the strict grammar accepts, of many that it does not. */
function acceptedCommands(): string[] {
  const texts = fc.sample(fc.array(piece, { maxLength: 10 }), 100_000).map((parts) => `p ${parts.join('')}`);
  return [...new Set(texts.filter((text) => readShell(text).words !== null))];
}

describe('the strict grammar', () => {
  let cwd: string;
  beforeAll(() => {
    cwd = mkdtempSync(join(tmpdir(), 'nox-shells-'));
    // Something for patterns to find, should one ever be accepted.
    for (const name of ['a', 'b.ts', '-n', 'x=1', '1']) writeFileSync(join(cwd, name), '');
  });
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  it.each(['bash', 'sh'])('sees the words that %s sees', (shell) => {
    const commands = acceptedCommands();
    expect(commands.length).toBeGreaterThan(500);
    const p = `p() { for word in "$@"; do printf '<%s>' "$word"; done; echo; }`;
    const run = spawnSync(shell, ['-c', [p, ...commands].join('\n')], { cwd, encoding: 'utf8' });
    expect(run.stderr).toBe('');
    const expected = commands.map((text) =>
      (readShell(text).words ?? [])
        .slice(1)
        .map((word) => `<${word}>`)
        .join(''),
    );
    expect(run.stdout.split('\n').slice(0, -1)).toEqual(expected);
  });
});
