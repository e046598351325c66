import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Turn } from '../contracts/turn.js';
import { CONVERSATION_HEAD, formatTurn, wholeLength } from './record-text.js';
import { parseToml } from './toml/toml.js';

const turn = (prompt: string, text: string): Turn => ({
  id: 'trn_01J00000000000000000000000',
  agent_id: 'lead',
  session_id: 'ses',
  source: 'user',
  actor: 'admin',
  prompt,
  status: 'complete',
  text,
  blocks: [
    {
      type: 'tool',
      tool: {
        tool_use_id: 'toolu_1',
        name: 'Bash',
        input: { command: 'secret' },
        input_sha256: 'ab',
        decision: 'allow',
        approval_id: null,
        result: 'secret',
        is_error: false,
      },
    },
  ],
  usage: null,
  reason: null,
  queued_at: '2026-11-21T08:31:01.000Z',
  started_at: '2026-11-21T08:31:02.000Z',
  ended_at: '2026-11-21T08:31:05.000Z',
});
const words = fc.string({ unit: fc.constantFrom('[', ']', 't', '"', '\n', '\\', '\r', 'é', '[[turns]]\n') });

describe('formatTurn', () => {
  it('names tools by hash and leaves out what is not known', () => {
    const text = formatTurn(turn('a', 'b'));
    expect(text).toContain('tools = [{ name = "Bash", input_sha256 = "ab", decision = "allow" }]');
    expect(text).not.toMatch(/secret|usage|reason/);
  });

  it('can be appended any number of times', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(words, words), { minLength: 1, maxLength: 4 }), (turns) => {
        const file = CONVERSATION_HEAD + turns.map(([prompt, text]) => formatTurn(turn(prompt, text))).join('');
        expect(parseToml(file)).toMatchObject({ turns: turns.map(([prompt, reply]) => ({ prompt, reply })) });
      }),
    );
  });
});

describe('wholeLength', () => {
  it.each(['\n', '\n[', '\n[[turns', '\n[[turns]]'])(
    'regression: a tear in the next header (%j) takes no whole entry',
    (tail) => {
      const whole = CONVERSATION_HEAD + formatTurn(turn('prompt', 'reply'));
      expect((whole + tail).slice(0, wholeLength(whole + tail, 'turns')).trimEnd()).toBe(whole.trimEnd());
    },
  );

  it('keeps whole entries and cuts a torn one, wherever it tore', () => {
    fc.assert(
      fc.property(words, words, fc.double({ min: 0, max: 1, noNaN: true }), (prompt, reply, where) => {
        const whole = CONVERSATION_HEAD + formatTurn(turn(prompt, reply));
        const second = formatTurn(turn(reply, prompt));
        const torn = whole + second.slice(0, Math.floor(where * (second.length - 1)));
        const kept = torn.slice(0, wholeLength(torn, 'turns'));
        expect(kept.startsWith(whole)).toBe(true);
        expect(parseToml(kept)).toMatchObject({
          turns: expect.arrayContaining([expect.objectContaining({ prompt, reply })]),
        });
        expect(wholeLength(whole + second, 'turns')).toBe((whole + second).length);
      }),
    );
  });
});
