import { describe, expect, it } from '@jest/globals';
import { installBody, installCommand, renamed, splitWords, wishOf } from './wish.js';

const wish = (own: object) => ({ ...wishOf(undefined), ...own });

describe('a service that is wished for', () => {
  it('is an image with what it may reach', () => {
    const { body } = installBody(
      wish({ source: 'mcp/github', network: 'egress', hosts: 'api.github.com\n\n', env: 'TOKEN=file:token' }),
    );
    expect(body).toEqual({
      image: 'mcp/github',
      network: 'egress',
      transport: 'stdio',
      egress_hosts: ['api.github.com'],
      env: { TOKEN: 'file:token' },
    });
  });

  it('is a program with its arguments, or a server elsewhere', () => {
    expect(installBody(wish({ kind: 'command', name: 'files', source: 'node server.mjs "a b"' })).body).toEqual({
      service_name: 'files',
      command: 'node',
      args: ['server.mjs', 'a b'],
    });
    expect(installBody(wish({ kind: 'url', name: 'far', source: 'http://127.0.0.1:1/mcp' })).body).toEqual({
      service_name: 'far',
      url: 'http://127.0.0.1:1/mcp',
      transport: 'http',
    });
  });

  it.each([
    [{ source: '' }, 'source'],
    [{ source: 'x', env: 'TOKEN=' }, 'env'],
    [{ source: 'x', env: 'TOKEN=secret' }, 'env'],
    [{ kind: 'command', source: 'node' }, 'name'],
    [{ source: 'x', name: 'Not A Name' }, 'name'],
    [{ kind: 'url', name: 'far', source: 'ftp://x' }, 'source'],
  ])('%j is not asked for, and says why', (own, field) => {
    const { body, problems } = installBody(wish(own));
    expect(body).toBeUndefined();
    expect(Object.keys(problems ?? {})).toContain(field);
  });

  it('is told as a command', () => {
    expect(installCommand(wish({ name: 'time', source: 'mcp/time', agent: 'lead' }))).toBe(
      'nox mcp install time --image mcp/time --agent lead',
    );
  });

  it('splits words as a shell does, without being one', () => {
    expect(splitWords(`a  "b \\"c\\"" 'd e' $(x)`)).toEqual(['a', 'b "c"', 'd e', '$(x)']);
    expect(splitWords('  ')).toEqual([]);
  });

  it('has the server’s problems at its own fields', () => {
    expect(renamed({ service_name: 'no', 'env.TOKEN': 'must be a reference', network: 'n' })).toEqual({
      name: 'no',
      env: 'TOKEN must be a reference',
      network: 'n',
    });
  });
});
