import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { classifyFault, faultWords, type ModelFault, passesByItself } from './quota-error.js';

/** Results as CLI 2.1.329 wrote them. */
const SEEN: [string, number | null, string | null, ModelFault][] = [
  ['Not logged in · Please run /login', null, null, 'authentication'],
  ['Failed to authenticate. API Error: 401 stub says 401', 401, 'authentication_error', 'authentication'],
  ['API Error: Request rejected (429) · stub says 429', 429, 'rate_limit_error', 'rate_limit'],
  ['API Error: Repeated 529 Overloaded errors. The API is at capacity', 529, 'overloaded_error', 'overloaded'],
  ['API Error: 500 stub says 500. This is a server-side issue', 500, 'api_error', 'server_error'],
  ['API Error: Connection refused — a firewall (ECONNREFUSED)', null, 'connection_failed', 'unreachable'],
  ['API Error: 400 stub says 400', 400, 'invalid_request_error', 'invalid'],
];

describe(classifyFault, () => {
  it.each(SEEN)('%s', (text, status, kind, fault) => {
    expect(classifyFault({ text, status, kind })).toBe(fault);
  });

  it.each(SEEN)('the same by its words alone: %s', (text, _status, _kind, fault) => {
    expect(classifyFault({ text })).toBe(fault);
  });

  it.each([
    ["You've hit your session limit · resets 3pm (UTC)", 'rate_limit'],
    ['Invalid API key · Fix external API key', 'authentication'],
    ['getaddrinfo ENOTFOUND api.example.com', 'unreachable'],
    ['the tool failed', 'other'],
    ['', 'other'],
  ])('%s', (text, fault) => {
    expect(classifyFault({ text })).toBe(fault);
  });

  it('believes the status more than the words, and never throws', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.string(), (status, text) => {
        const fault = classifyFault({ status, text });
        if (status === 401 || status === 403) expect(fault).toBe('authentication');
        else if (status === 429) expect(fault).toBe('rate_limit');
        else if (status === 529) expect(fault).toBe('overloaded');
        else if (status >= 500 || status === 408) expect(fault).toBe('server_error');
        else if (status >= 400) expect(fault).toBe('invalid');
        expect(faultWords(fault, status)).toContain(`(${status})`);
      }),
    );
  });

  it('waits only for what passes by itself', () => {
    const faults: ModelFault[] = [
      'authentication',
      'rate_limit',
      'overloaded',
      'server_error',
      'unreachable',
      'invalid',
      'other',
    ];
    expect(faults.filter(passesByItself)).toEqual(['rate_limit', 'overloaded', 'server_error', 'unreachable']);
  });
});
