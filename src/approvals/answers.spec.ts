import { describe, expect, it } from '@jest/globals';
import { answeredInput, wantsAnswers } from './answers.js';

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
    expect(wantsAnswers(asked)).toBe(true);
    expect(wantsAnswers({ tool_name: 'Bash', input: { questions: [{ question: 'x' }] } })).toBe(false);
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
