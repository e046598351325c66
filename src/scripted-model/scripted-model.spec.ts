import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ObservedRequest, ScriptedModel } from './scripted-model.js';

const KEY = 'a-key-for-this-test';
const reminder = '<system-reminder>\nsay never this\n</system-reminder>\n';
type Message = { role: string; content: string | object[] };

const user = (text: string): Message => ({
  role: 'user',
  content: [
    { type: 'text', text: reminder },
    { type: 'text', text },
  ],
});
const assistantSaid = (text: string): Message => ({ role: 'assistant', content: [{ type: 'text', text }] });
const called = (...ids: string[]): Message => ({
  role: 'assistant',
  content: ids.map((id) => ({ type: 'tool_use', id, name: 'Bash', input: {} })),
});
const results = (...ids: string[]): Message => ({
  role: 'user',
  content: ids.map((id) => ({ type: 'tool_result', tool_use_id: id, content: `out of ${id}\nmore`, is_error: false })),
});

let model: ScriptedModel;
let url: string;
let observed: ObservedRequest[];

beforeEach(async () => {
  observed = [];
  model = new ScriptedModel({
    api_key: KEY,
    rules: [{ when: /deploy/g, script: 'say by rule' }],
    onRequest: (request) => observed.push(request),
  });
  ({ url } = await model.listen());
});
afterEach(() => model.close());

const post = (body: object, path = '/v1/messages?beta=true', headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url + path, {
    method: 'POST',
    headers: { 'x-api-key': KEY, 'x-claude-code-session-id': 's1', ...headers },
    body: JSON.stringify(body),
  });
const ask = async (...messages: Message[]): Promise<Record<string, never> & { content: { text?: string }[] }> =>
  (await post({ model: 'claude-test', messages, tools: [{ name: 'Bash' }] })).json() as never;
const textOf = async (...messages: Message[]): Promise<string> =>
  (await ask(...messages)).content.map((block) => block.text ?? '').join('');

async function frames(response: Response): Promise<{ event: string; data: Record<string, unknown> }[]> {
  const text = await response.text();
  return text
    .trim()
    .split('\n\n')
    .map((frame) => {
      const [event = '', data = ''] = frame.split('\n');
      return { event: event.slice('event: '.length), data: JSON.parse(data.slice('data: '.length)) as never };
    });
}

/** Events of one content block. */
const block = (deltas: number): string[] => [
  'content_block_start',
  ...Array.from({ length: deltas }, () => 'content_block_delta'),
  'content_block_stop',
];

describe('ScriptedModel', () => {
  it('says what the script says, and reports the usage it names', async () => {
    const reply = await ask(user('say one\nsay two\ntokens 100 7'));
    expect(reply).toMatchObject({
      type: 'message',
      model: 'claude-test',
      stop_reason: 'end_turn',
      content: [{ type: 'text', text: 'one\ntwo' }],
      usage: { input_tokens: 100, output_tokens: 7 },
    });
  });

  it('streams the events of the Messages API', async () => {
    const list = await frames(
      await post({ stream: true, messages: [user('think hm\nslow 3@1 a b c\ntool Bash {"command":"ls"}')] }),
    );
    expect(list.map((f) => f.event)).toEqual(
      ['message_start', block(2), block(3), block(1), 'message_delta', 'message_stop'].flat(),
    );
    expect(list.every((f) => f.data['type'] === f.event)).toBe(true);
    expect(list.at(-4)?.data).toMatchObject({ delta: { type: 'input_json_delta', partial_json: '{"command":"ls"}' } });
    expect(list.at(-2)?.data).toMatchObject({ delta: { stop_reason: 'tool_use' } });
  });

  it('goes on after the results of each tool call, one by one and in batches', async () => {
    const prompt = user('tool Bash\nsay then\ntools\n- Bash\n- Bash\nsay end');
    expect(await ask(prompt)).toMatchObject({ stop_reason: 'tool_use', content: [{ type: 'tool_use', name: 'Bash' }] });
    const second = [prompt, called('t1'), results('t1')];
    expect((await ask(...second)).content).toHaveLength(3);
    expect(await textOf(...second, called('t2', 't3'), results('t2', 't3'))).toBe('end');
  });

  it('sums up what the tools answered when the script has nothing more', async () => {
    expect(await textOf(user('tool Bash'), called('t1'), results('t1'))).toBe('Bash answered: out of t1');
  });

  it('starts anew with each prompt, and ignores what the CLI slips in', async () => {
    const before = [user('tool Bash\nsay old'), called('t1'), results('t1'), assistantSaid('old')];
    expect(await textOf(...before, user('say new'), { role: 'system', content: 'say slipped in' })).toBe('new');
  });

  it('takes the last of several prompts that got no answer', async () => {
    const content = ['say lost', '[Request interrupted by user]', 'say found'].map((text) => ({ type: 'text', text }));
    expect(await textOf({ role: 'user', content })).toBe('found');
  });

  it('goes on with the earlier script when it is told to continue', async () => {
    expect(
      await textOf(user('tool Bash\nsay z'), called('t1'), results('t1'), user('Continue where you left off.')),
    ).toBe('z');
  });

  it('tells the history and the system prompt', async () => {
    const steered = {
      role: 'system',
      content: 'The user sent a new message while you were working:\nfaster\n\nThis is how',
    };
    expect(await textOf(user('say a'), assistantSaid('a'), user('history'), called('t1'), results('t1'), steered)).toBe(
      'Bash answered: out of t1',
    );
    expect(await textOf(user('say a'), called('t1'), results('t1'), steered, assistantSaid('a'), user('history'))).toBe(
      'u:say a|t:Bash|r:out of t1 more|s:faster|a:a|u:history',
    );
    const system = [
      'x-anthropic-billing-header: cc',
      "You are a Claude agent, built on Anthropic's Claude Agent SDK.",
      'Be BOB.',
    ];
    await post({ system: system.map((text) => ({ type: 'text', text })), messages: [user('system')] });
    expect(observed.at(-1)).toMatchObject({ system: 'Be BOB.', prompt: 'system', side: false });
  });

  it('fails as the API does, as often as the script says', async () => {
    const body = { stream: true, messages: [user('error 529 x2 busy\nsay ok')] };
    for (const attempt of [1, 2]) {
      const response = await post(body);
      expect([attempt, response.status]).toEqual([attempt, 529]);
      expect(await response.json()).toEqual({ type: 'error', error: { type: 'overloaded_error', message: 'busy' } });
    }
    expect((await post(body)).status).toBe(200);
    expect((await post({ messages: [user('error 429 slow down')] })).headers.get('retry-after')).toBe('1');
  });

  it('breaks a stream off when the error comes after a text', async () => {
    const list = await frames(await post({ stream: true, messages: [user('say half\nerror 500 gone')] }));
    expect(list.at(-1)).toMatchObject({ event: 'error', data: { error: { type: 'api_error', message: 'gone' } } });
  });

  it('explains itself to a prompt that is no script, and says what is wrong with a broken one', async () => {
    const answer = await textOf(user('Please write me a poem about the sea and the moon'));
    expect(answer).toContain('“Please write me a poem about the sea …”');
    expect(answer).toContain('tool Bash {"command":"touch hello.txt"}');
    expect(await textOf(user('tool Bash {x'))).toContain('line 1: the input of Bash is not JSON');
  });

  it('follows a rule of the test before the prompt', async () => {
    expect(await textOf(user('please deploy'))).toBe('by rule');
    expect(await textOf(user('please deploy'))).toBe('by rule');
  });

  it('does not run scripts for requests that the CLI makes for itself', async () => {
    const reply = await post({ model: 'claude-haiku-5-5', messages: [user('tool Bash')] });
    expect(await reply.json()).toMatchObject({ content: [{ type: 'text', text: 'Scripted model' }] });
    expect(observed.at(-1)?.side).toBe(true);
  });

  it('serves only who has its key', async () => {
    const body = { messages: [user('say a')] };
    expect((await post(body, undefined, { 'x-api-key': 'wrong' })).status).toBe(401);
    const bearer = { 'x-api-key': KEY, authorization: `Bearer ${KEY}` };
    expect(
      (
        await fetch(`${url}/v1/messages`, {
          method: 'POST',
          headers: { authorization: bearer.authorization },
          body: JSON.stringify(body),
        })
      ).status,
    ).toBe(200);
    expect(observed).toHaveLength(1);
  });

  it('answers the other addresses, and refuses what it cannot read', async () => {
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${url}/v1/models`)).status).toBe(404);
    expect(await (await post({ messages: [user('x')] }, '/v1/messages/count_tokens')).json()).toEqual({
      input_tokens: expect.any(Number),
    });
    expect((await post({ messages: [] })).status).toBe(400);
    const raw = await fetch(`${url}/v1/messages`, { method: 'POST', headers: { 'x-api-key': KEY }, body: '{' });
    expect(await raw.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
  });

  it('stops writing when the caller hangs up, and closes at once', async () => {
    const caller = new AbortController();
    const response = await fetch(`${url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': KEY },
      body: JSON.stringify({ stream: true, messages: [user('slow 10@3600000 never')] }),
      signal: caller.signal,
    });
    expect(response.status).toBe(200);
    caller.abort();
    await model.close();
    await expect(fetch(url)).rejects.toThrow();
  });
});
