import { describe, expect, it } from '@jest/globals';
import { answeredInput, assertAnswered } from './answers.js';

const asked = {
  tool_name: 'AskUserQuestion',
  input: {
    questions: [
      { question: 'Which?', options: [] },
      { question: 'When?', options: [] },
    ],
    metadata: 1,
  },
};

describe('answers to an agent', () => {
  it('go back with its questions', () => {
    expect(answeredInput(asked, { 'Which?': 'Two', 'When?': 'now, later' })).toEqual({
      ...asked.input,
      answers: { 'Which?': 'Two', 'When?': 'now, later' },
    });
  });

  it('are needed by questions, and by nothing else', () => {
    expect(() => assertAnswered(asked, undefined)).toThrow(/"Which\?"/);
    expect(() => assertAnswered(asked, { 'Which?': 'Two' })).toThrow(/"When\?"/);
    expect(() => assertAnswered({ tool_name: 'Bash', input: asked.input }, undefined)).not.toThrow();
    expect(() => assertAnswered({ tool_name: 'Bash', input: asked.input }, {})).toThrow(/a call of Bash/);
  });

  it.each([
    [asked, { 'Which?': 'Two' }, /"When\?"/],
    [asked, { 'Which?': ' ', 'When?': 'now' }, /"Which\?"/],
    [asked, { 'Which?': 'a', 'When?': 'b', 'Who?': 'c' }, /"Who\?", which was not asked/],
    [{ tool_name: 'Bash', input: {} }, { a: 'b' }, /a call of Bash/],
  ])('are refused where they do not fit', (request, answers, message) => {
    expect(() => answeredInput(request, answers)).toThrow(message);
  });
});
