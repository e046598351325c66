import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type CommitNote, commitOf, formatMessage, identityOf, parseLog } from './commit-message.js';

const NOTE: CommitNote = {
  area: 'agent',
  action: 'create',
  object: 'lead',
  object_ref: 'agent:lead',
  actor: { name: 'admin', role: 'admin', request_id: 'req_1' },
};
const HASH = 'a'.repeat(40);
const fields = (...values: string[]): string => `\0\0${values.join('\0')}\0`;

describe('formatMessage', () => {
  it('is subject and trailers', () => {
    expect(formatMessage(NOTE)).toBe(
      'agent: create lead\n\nNox-Actor: admin\nNox-Action: create\nNox-Object: agent:lead\nNox-Request-Id: req_1\n',
    );
  });

  it('never lets a name add a line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, action) => {
        const lines = formatMessage({ ...NOTE, action, actor: { name, role: 'admin' } }).split(/[\n\r\0]/);
        expect(lines).toHaveLength(6);
      }),
    );
  });
});

describe('identityOf', () => {
  it('is a name and an address that git takes', () => {
    expect(identityOf('agent:lead')).toEqual({ name: 'agent:lead', email: 'agent-lead@nox.invalid' });
    expect(identityOf('<>\n')).toEqual({ name: 'unknown', email: 'unknown@nox.invalid' });
  });
});

describe('parseLog', () => {
  it('reads what a commit of ours says, with its files', () => {
    const output =
      fields(HASH, 'admin', '1767225600', 'agent: create lead', 'admin', 'create', 'agent:lead', 'req_1', '', '', '') +
      '\nagents.toml\0system-config.toml\0';
    const made = { hash: HASH, timestamp: '2026-01-01T00:00:00.000Z', files: ['agents.toml', 'system-config.toml'] };
    expect(parseLog(output)).toEqual([commitOf(NOTE, made)]);
  });

  it('reads strangers, empty commits and nothing', () => {
    const empty = fields(HASH, 'Ann', '0', 'by hand', '', '', '', '', '', '', '');
    const commits = parseLog(`${empty}${empty}\na b.toml\0`);
    expect(commits.map(({ files, actor }) => ({ files, actor }))).toEqual([
      { files: [], actor: null },
      { files: ['a b.toml'], actor: null },
    ]);
    expect(parseLog('')).toEqual([]);
  });
});
