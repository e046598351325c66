import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseToml } from './toml/toml.js';
import { newSecret } from './secrets.js';

const document = (text: string) => ({ text, table: parseToml(text), unknown_keys: [] });
const token = (fill: string): string => `ghp_${fill.repeat(36)}`;

/** Lines of agents; those with a secret have it in a value, in a key or in a comment. */
const line = fc.oneof(
  fc.integer({ min: 0, max: 9 }).map((n) => `name = "Agent ${n}"`),
  fc.constantFrom('a', 'b', 'c').map((fill) => `prompt = "use ${token(fill)} here"`),
  fc.constantFrom('a', 'b', 'c').map((fill) => `# ${token(fill)}`),
  fc.constant(`filler = "${'x'.repeat(700)}"`),
);
const text = fc
  .array(fc.uniqueArray(line, { maxLength: 3, selector: (row) => row.split(' ')[0] }), { maxLength: 5 })
  .map((agents) => agents.map((rows, n) => `[agents.a${n}]\n${rows.join('\n')}\n`).join('\n'));

describe('looking for new secrets', () => {
  it('in what differs finds one exactly when there is one that was not there', () => {
    fc.assert(
      fc.property(text, text, fc.boolean(), (before, after, shared) => {
        const old = document(before);
        const young = document(after);
        const hits = after.match(/ghp_\w{36}/g) ?? [];
        const expected = hits.some((hit) => !before.includes(hit));
        const found = newSecret('agents.toml', young, shared ? old : { text: before });
        expect(found !== undefined).toBe(expected);
        if (found !== undefined) expect(after.split('\n')[found.line - 1]).toContain('ghp_');
      }),
      { numRuns: 300 },
    );
  });

  it('sees a key whose middle was changed, however long it is', () => {
    const key = (body: string): string => `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----`;
    const at = (body: string): string => `[agents.a]\nsystem_prompt = """\n${key(body)}\n"""\n`;
    const [long, other] = [`${'A'.repeat(64)}\n`.repeat(40), `${'A'.repeat(64)}\n`.repeat(20)];
    const found = newSecret('agents.toml', document(at(`${other}B\n${other}`)), document(at(long)));
    expect(found).toMatchObject({ kind: 'private-key', key: 'agents.a.system_prompt' });
  });
});
