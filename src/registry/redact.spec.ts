import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { holdsSecret, redact, redactValues } from './redact.js';

// Put together here, so that no scanner takes this file for a leak.
const samples: readonly (readonly [kind: string, secret: string])[] = [
  ['anthropic-key', ['sk-ant', 'api03-AbCdEfGh12345678_-x'].join('-')],
  ['api-key', ['sk', 'proj-AbCdEfGhIjKlMnOp1234'].join('-')],
  ['github-token', ['ghp', 'a1B2'.repeat(9)].join('_')],
  ['github-token', ['github_pat', 'a1B2c3'.repeat(5)].join('_')],
  ['slack-token', ['xoxb', '1234567890', 'abcdefGHIJ'].join('-')],
  ['aws-key', `AKIA${'ABCD1234'.repeat(2)}`],
  [
    'jwt',
    ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxMjM0NTY3ODkwIn0', 'dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U'].join('.'),
  ],
  ['private-key', ['-----BEGIN RSA PRIVATE', 'KEY-----\nMIIE\nabc\n-----END RSA PRIVATE', 'KEY-----'].join(' ')],
];

describe('redact', () => {
  it.each(samples)('cuts a %s out of its sentence', (kind, secret) => {
    expect(redact(`before ${secret} after`)).toBe(`before [redacted:${kind}] after`);
  });

  it('cuts a bearer token and leaves its word', () => {
    expect(redact('Authorization: Bearer abcdefghijklmnop1234=')).toBe('Authorization: Bearer [redacted:bearer-token]');
  });

  it('leaves other text alone', () => {
    const text = 'task-force sk-short ask-anything the bearer of AKIA news, sha256 ' + 'a'.repeat(64);
    expect(redact(text)).toBe(text);
  });
});

describe(holdsSecret.name, () => {
  it('misses nothing that would be cut, on whatever lines it stands among', () => {
    const pieces = [
      ...samples.map(([, secret]) => secret),
      ...samples.map(([, secret]) => secret.slice(0, secret.length / 2)),
      'Bearer ',
      'Basic ',
      'aws_secret_key = ',
      'a+/'.repeat(13) + 'b',
      'abcdefghijklmnopqrst',
      'https://user:hunter22',
      '@host',
      '-----END RSA PRIVATE',
      ' ',
      '\n',
      '"',
    ];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 5 }), (texts) => {
        const is_cut = texts.some((each) => redact(each) !== each);
        expect(is_cut && !holdsSecret(texts.join('\n'))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

describe(redactValues.name, () => {
  it('blackens values that are known, the longer one first, and leaves short ones', () => {
    const secrets = { TOKEN: 'opensesame', LONG: 'opensesame-and-more', ON: '1' };
    expect(redactValues('1 opensesame-and-more, opensesame', secrets)).toBe('1 [redacted:LONG], [redacted:TOKEN]');
  });
});
