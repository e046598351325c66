import { describe, expect, it } from '@jest/globals';
import { serviceRequestOf } from './service-request.js';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const EVALUATION = {
  image: 'mcp/time',
  digest: DIGEST,
  size_bytes: 10,
  official: true,
  pulls: null,
  updated_at: null,
  sources: ['engine'],
  risk_level: 'medium',
  reasons: ['it is new'],
};
const wordsOf = (input: object, tool = 'install_service') =>
  Object.fromEntries((serviceRequestOf(tool, input)?.facts ?? []).map(({ name, value }) => [name, value]));

describe('a request for a service, in words', () => {
  it('says of a container where it reaches, what it may use, and what it is made of', () => {
    const input = {
      service: 'time',
      image: `mcp/time@${DIGEST}`,
      agents: ['lead'],
      network: 'egress',
      egress_hosts: ['time.example.org'],
      env: { KEY: 'file:key' },
      denied_tools: ['set_*'],
      evaluation: EVALUATION,
      needs_env: ['TOKEN'],
      reason: 'I have no clock',
    };
    expect(wordsOf(input)).toMatchObject({
      Service: 'time',
      For: 'lead',
      Image: `mcp/time@${DIGEST}`,
      Network: 'egress: it reaches the named hosts only, through a proxy',
      Reaches: 'time.example.org',
      Environment: 'KEY = file:key',
      'Still needs': 'TOKEN',
      'Not the tools': 'set_*',
      'At most': '1,024 MB memory, 0.5 of a core, 128 processes',
    });
    expect(serviceRequestOf('install_service', input)).toMatchObject({
      evaluation: { digest: DIGEST },
      reason: 'I have no clock',
      rest: [],
    });
  });

  it('says of a program that no container holds it, word by word', () => {
    const words = wordsOf({ service: 'some', command: 'npx', args: ['-y', 'a b'] });
    expect(words).toMatchObject({ Command: '["npx","-y","a b"]', Runs: expect.stringContaining('outside') });
    expect(words).not.toHaveProperty('Mounts');
  });

  it('leaves nothing out that it does not know', () => {
    const input = { service: 'some', image: `a@${DIGEST}`, privileged: true, limits: { memory_mb: 64, disk: 3 } };
    expect(serviceRequestOf('install_service', input)?.rest).toEqual([
      ['privileged', true],
      ['limits.disk', 3],
    ]);
  });

  it('gives up on what is not as Nox asks it: that is shown as it came', () => {
    expect(serviceRequestOf('install_service', { service: 'some' })).toBeUndefined();
    expect(serviceRequestOf('install_service', { service: 'some', image: 'a:latest' })).toBeUndefined();
    expect(serviceRequestOf('attach_service', { service: 'some', attach_to: 'worker', more: 1 })).toBeUndefined();
    expect(serviceRequestOf('Bash', { service: 'some', image: `a@${DIGEST}` })).toBeUndefined();
    expect(wordsOf({ service: 'some', attach_to: 'worker' }, 'attach_service')).toMatchObject({ 'Also for': 'worker' });
  });
});
