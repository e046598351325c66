import * as z from 'zod';
import type { Approval } from '../contracts/approval.js';
import { validationProblem } from './problem.js';

const Questions = z.looseObject({ questions: z.array(z.looseObject({ question: z.string() })).min(1) });

/**
 * The input with which a question goes back to the agent that asked it: its own, with an answer to each question.
 * Throws VALIDATION_ERROR for another tool, a question without an answer, or an answer to what was not asked.
 */
export function answeredInput(
  { tool_name, input }: Pick<Approval, 'tool_name' | 'input'>,
  answers: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const { data } = Questions.safeParse(input);
  if (tool_name !== 'AskUserQuestion' || data === undefined)
    throw validationProblem('answers', `are for questions of an agent; this is a call of ${tool_name}`);
  const asked = data.questions.map(({ question }) => question);
  const missing = asked.find((question) => (answers[question] ?? '').trim() === '');
  if (missing !== undefined) throw validationProblem('answers', `lack one to ${JSON.stringify(missing)}`);
  const strange = Object.keys(answers).find((question) => !asked.includes(question));
  if (strange !== undefined)
    throw validationProblem('answers', `hold one to ${JSON.stringify(strange)}, which was not asked`);
  return { ...data, answers: { ...answers } };
}

/**
 * Throws VALIDATION_ERROR unless the answers fit the request: a question is not approved without them, and the agent
 * would read silence as an answer.
 */
export function assertAnswered(
  asked: Pick<Approval, 'tool_name' | 'input'>,
  answers: Readonly<Record<string, string>> | undefined,
): void {
  if (answers !== undefined || wantsAnswers(asked)) answeredInput(asked, answers ?? {});
}

const wantsAnswers = ({ tool_name, input }: Pick<Approval, 'tool_name' | 'input'>): boolean =>
  tool_name === 'AskUserQuestion' && Questions.safeParse(input).success;
