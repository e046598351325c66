import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { TOOLS } from '../../src/contracts/toolbox.js';
import { fakeAgent } from '../support/fake-agent.js';
import { NoxServer } from '../support/nox-server.js';
import { eventually } from '../support/wait.js';

/** MCP clients outside of Nox, by the SDK's own client, on the built Nox. */
describe('an MCP client with a token', () => {
  let nox: NoxServer;
  const open: Client[] = [];
  const tokens = new Map<string, string>();
  beforeAll(async () => {
    nox = await NoxServer.start();
    await nox.call('agents_create', { body: fakeAgent('lead') });
    for (const role of ['viewer', 'operator'] as const) {
      const made = await nox.call('clients_create', { body: { name: role, role } });
      tokens.set(role, made.token);
    }
  });
  afterAll(() => nox.close());
  afterEach(async () => {
    for (const client of open.splice(0)) await client.close();
  });

  const connect = async (token: string, query = ''): Promise<Client> => {
    const client = new Client({ name: 'outside', version: '1.0.0' });
    const headers = { Authorization: `Bearer ${token}` };
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${nox.url}/mcp${query}`), { requestInit: { headers } }),
    );
    open.push(client);
    return client;
  };
  const as = (role: 'viewer' | 'operator', query = '') => connect(tokens.get(role) ?? '', query);
  const names = async (client: Client) => (await client.listTools()).tools.map(({ name }) => name).sort();
  const use = async (client: Client, name: string, input: Record<string, unknown>, options = {}) => {
    const result = await client.callTool({ name, arguments: input }, undefined, options);
    const [block] = result.content as { text: string }[];
    return { is_error: result.isError === true, text: block?.text ?? '' };
  };

  it('sees and does what its role allows', async () => {
    const viewer = await as('viewer', '?agent=lead');
    expect(await names(viewer)).toEqual(['list_services', 'query_registry', 'read_inbox', 'recall']);
    expect((await use(viewer, 'query_registry', {})).text).toContain('"id":"lead"');
    const refused = await use(viewer, 'send_message', { to: 'lead', content: 'say hi' });
    expect(refused).toEqual({
      is_error: true,
      text: 'FORBIDDEN: send_message needs the role operator; yours is viewer.',
    });
    expect(await names(await as('operator'))).toEqual(Object.keys(TOOLS).sort());
  });

  it('sends messages that show who it is', async () => {
    const operator = await as('operator');
    expect((await use(operator, 'send_message', { to: 'lead', content: 'say hello' })).is_error).toBe(false);
    const acked = await eventually('the message is read', async () => {
      const { messages } = await nox.call('messages_list', { query: { to: 'lead', status: 'acked' } });
      return messages[0];
    });
    expect(acked).toMatchObject({ from: 'user:admin+operator', sent_by: 'user:admin+operator', content: 'say hello' });
    const inbox = await use(await as('operator', '?agent=lead'), 'read_inbox', {});
    expect(inbox.text).toContain(acked.id);
    expect((await use(operator, 'read_inbox', {})).text).toContain('connect with ?agent=<id>');
    const made = await use(await as('operator', '?agent=lead'), 'create_task', { title: 'From outside' });
    const { task_id } = JSON.parse(made.text) as { task_id: string };
    expect(await nox.call('tasks_get', { params: { id: task_id } })).toMatchObject({
      agent_id: 'lead',
      requested_by: 'admin+operator',
    });
  });

  it('waits for a person where an agent would', async () => {
    const spawn = { id: 'helper', name: 'Helper', system_prompt: 'You help.', reason: 'too much work' };
    expect((await use(await as('operator'), 'spawn_agent', spawn)).text).toContain('waits for a person');
    const client = await as('operator', '?agent=lead');
    const pending = () =>
      eventually(
        'a request',
        async () => (await nox.call('approvals_list', { query: { status: 'pending' } })).approvals[0],
      );
    const hangs_up = new AbortController();
    const given_up = use(client, 'spawn_agent', spawn, { signal: hangs_up.signal }).catch((error: Error) => error);
    const left = await pending();
    hangs_up.abort();
    await client.close();
    expect(await given_up).toBeInstanceOf(Error);
    await eventually(
      'the request is cancelled with its client',
      async () => (await nox.call('approvals_get', { params: { id: left.id } })).status === 'cancelled',
    );
    const asked = use(await as('operator', '?agent=lead'), 'spawn_agent', spawn);
    const request = await pending();
    expect(request).toMatchObject({ agent_id: 'lead', request_type: 'agent_creation', input: spawn });
    await nox.call('approvals_approve', { params: { id: request.id } });
    expect((await asked).text).toContain('"agent_id":"helper"');
    expect((await nox.call('agents_get', { params: { id: 'helper' } })).parent_id).toBe('lead');
  });

  it('opens nothing but /mcp, and that to nobody else', async () => {
    const token = tokens.get('operator') ?? '';
    const ask = (path: string, init: { method?: string; body?: string; headers?: Record<string, string> } = {}) =>
      fetch(nox.url + path, {
        ...init,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers },
      });
    const ping = { method: 'POST', body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' };
    const accept = { accept: 'application/json, text/event-stream' };
    expect((await ask('/api/v1/agents')).status).toBe(401);
    expect((await ask('/mcp', { ...ping, headers: accept })).status).toBe(200);
    expect((await ask('/api/v1/mcp', { ...ping, headers: accept })).status).toBe(200);
    expect((await ask('/mcp', { ...ping, headers: { ...accept, authorization: '' } })).status).toBe(401);
    expect((await ask('/mcp', { ...ping, headers: { ...accept, origin: 'http://evil.example' } })).status).toBe(403);
    const stream = await ask('/mcp', { headers: { accept: 'text/event-stream' } });
    expect([stream.status, stream.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await ask('/mcp', { method: 'POST', body: '{"nothing":1}', headers: accept })).status).toBe(400);
  });

  it('is out when its token is ended', async () => {
    const made = await nox.call('clients_create', { body: { name: 'short', expires_in_days: 1 } });
    expect((await nox.call('clients_list')).clients.map(({ name }) => name)).toEqual(['operator', 'short', 'viewer']);
    const client = await connect(made.token);
    await nox.call('clients_delete', { params: { name: 'short' } });
    await expect(client.listTools()).rejects.toThrow('UNAUTHORIZED');
    await expect(nox.call('clients_create', { body: { name: 'viewer' } })).rejects.toMatchObject({
      code: 'NAME_TAKEN',
    });
  });
});
