import { describe, expect, it } from '@jest/globals';
import type { ToolServer } from '../agents/runtime/runtime.js';
import { NoxError } from '../shared/nox-error.js';
import { AgentPipes, type Offer } from './agent-pipes.js';
import type { CallRequest } from './gateway.js';

const tool = (name: string) => ({ name, description: name, inputSchema: { type: 'object' as const } });
const own: ToolServer = { name: 'nox', handle: () => Promise.resolve(undefined), close: () => undefined };

function setUp(offers: Record<string, Offer[]>) {
  const calls: CallRequest[] = [];
  let fails: Error | undefined;
  const pipes = new AgentPipes({
    offered: (agent_id) => offers[agent_id] ?? [],
    call: (request) => {
      calls.push(request);
      if (fails !== undefined) return Promise.reject(fails);
      return Promise.resolve({ is_error: false, content: [{ type: 'text', text: 'noon' }], duration_ms: 1 });
    },
  });
  return { pipes, calls, offers, failWith: (error: Error) => (fails = error) };
}

const ask = async (server: ToolServer | undefined, method: string, params: object = {}) => {
  const message = { jsonrpc: '2.0', id: 1, method, params } as const;
  return (await server?.handle(message, new AbortController().signal)) as { result?: unknown; error?: unknown };
};

describe(AgentPipes.name, () => {
  it('puts an agent itself behind each call, whatever the message says', async () => {
    const { pipes, calls } = setUp({ lead: [{ service: 'time', tools: [tool('now')] }] });
    const servers = pipes.serversFor('lead', [own]).current();
    expect(servers.map(({ name }) => name)).toEqual(['nox', 'time']);
    expect(await ask(servers[1], 'tools/list')).toMatchObject({ id: 1, result: { tools: [tool('now')] } });
    const params = { name: 'now', arguments: { zone: 'utc' }, agent_id: 'boss', _meta: { agent_id: 'boss' } };
    expect(await ask(servers[1], 'tools/call', params)).toMatchObject({
      result: { content: [{ type: 'text', text: 'noon' }], isError: false },
    });
    expect(calls).toMatchObject([{ agent_id: 'lead', service: 'time', tool: 'now', input: { zone: 'utc' } }]);
  });

  it('tells a refusal in words that the model reads', async () => {
    const { pipes, failWith } = setUp({ lead: [{ service: 'time', tools: [tool('now')] }] });
    failWith(new NoxError('FORBIDDEN', 'Agents may not call now of time.'));
    const [time] = pipes.serversFor('lead', []).current();
    expect(await ask(time, 'tools/call', { name: 'now' })).toMatchObject({
      result: { isError: true, content: [{ text: 'FORBIDDEN: Agents may not call now of time.' }] },
    });
  });

  it('tells each process of changes of its own services, and of nothing else', () => {
    const { pipes, offers } = setUp({ lead: [], worker: [] });
    const told: string[] = [];
    for (const id of ['lead', 'worker'])
      pipes.serversFor(id, [own]).onChange((tools_of) => told.push(`${id}: ${tools_of.join()}`));
    pipes.changed(['lead', 'worker']);
    expect(told).toEqual([]);
    offers['lead'] = [{ service: 'time', tools: [] }];
    pipes.changed(['lead', 'worker']);
    expect(told.splice(0)).toEqual(['lead: ']);
    offers['lead'] = [{ service: 'time', tools: [tool('now')] }];
    pipes.changed(['lead']);
    pipes.changed(['lead']);
    expect(told.splice(0)).toEqual(['lead: time']);
    offers['lead'] = [];
    pipes.changed(['lead']);
    expect(told).toEqual(['lead: ']);
  });

  it('forgets a process that is gone', () => {
    const { pipes, offers } = setUp({ lead: [] });
    const gone = pipes.serversFor('lead', []);
    gone.close();
    offers['lead'] = [{ service: 'time', tools: [] }];
    pipes.changed(['lead']);
    expect(gone.current()).toEqual([]);
  });
});
