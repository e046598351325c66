import { describe, expect, it } from '@jest/globals';
import { answerOf, planOf, questionsOf } from './question.js';

describe('questions and plans of agents', () => {
  it('are known by their tools, and nothing else is', () => {
    const input = { questions: [{ question: 'Which?', options: [{ label: 'One' }] }] };
    expect(questionsOf({ tool_name: 'AskUserQuestion', input })).toMatchObject([{ question: 'Which?' }]);
    expect(questionsOf({ tool_name: 'AskUserQuestion', input: { questions: 'x' } })).toBeUndefined();
    expect(questionsOf({ tool_name: 'Bash', input })).toBeUndefined();
    expect(planOf({ tool_name: 'ExitPlanMode', input: { plan: '# Do it' } })).toBe('# Do it');
    expect(planOf({ tool_name: 'Bash', input: { plan: 'x' } })).toBeUndefined();
  });

  it('are answered by what was chosen and what was written', () => {
    expect(answerOf(['One', 'Two'], ' three ')).toBe('One, Two, three');
    expect(answerOf([], '  ')).toBe('');
  });
});
