import { describe, expect, it } from '@jest/globals';
import { PipeServer, textResult, type ToolCallRequest } from './pipe-server.js';

const none = new AbortController().signal;
const callOf = (id: number, name: string) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } }) as const;

/** A server whose calls are answered when the spec says so. It has answered once, so a message takes one turn of the loop. */
async function setUp() {
  const open = new Map<string, { answer: (text: string) => void; signal: AbortSignal }>();
  const server = new PipeServer('time', {
    list: () => [],
    use: ({ tool }: ToolCallRequest, signal) =>
      new Promise((resolve) => open.set(tool, { answer: (text) => resolve(textResult(text, false)), signal })),
  });
  await server.handle({ jsonrpc: '2.0', id: 0, method: 'tools/list' }, none);
  return { server, open };
}
const turnOver = () => new Promise((resolve) => setImmediate(resolve));

describe(PipeServer.name, () => {
  it('keeps calls apart that have the same id, as after a new beginning of the other side', async () => {
    const { server, open } = await setUp();
    const [one, two] = [server.handle(callOf(2, 'one'), none), server.handle(callOf(2, 'two'), none)];
    await turnOver();
    open.get('two')?.answer('second');
    open.get('one')?.answer('first');
    expect(await one).toMatchObject({ id: 2, result: { content: [{ text: 'first' }] } });
    expect(await two).toMatchObject({ id: 2, result: { content: [{ text: 'second' }] } });
  });

  it('stops a call that nobody waits for, and only that one', async () => {
    const { server, open } = await setUp();
    const controller = new AbortController();
    const [one, two] = [server.handle(callOf(1, 'one'), controller.signal), server.handle(callOf(2, 'two'), none)];
    await turnOver();
    controller.abort();
    expect(await one).toBeUndefined();
    await turnOver();
    expect(open.get('one')?.signal.aborted).toBe(true);
    expect(open.get('two')?.signal.aborted).toBe(false);
    open.get('two')?.answer('still there');
    expect(await two).toMatchObject({ result: { content: [{ text: 'still there' }] } });
  });

  it('leaves nobody waiting when it is closed', async () => {
    const { server, open } = await setUp();
    const call = server.handle(callOf(1, 'one'), none);
    await turnOver();
    server.close();
    expect(await call).toBeUndefined();
    expect(open.get('one')?.signal.aborted).toBe(true);
  });
});
