import { FieldProblem } from '@contracts/errors.js';
import { NoxApiError } from '@client/api-error.js';
import { z } from 'zod';

/** What a person reads of any failure. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** HTTP status of a refusal; 0 when nothing answered; undefined when the failure is of another kind. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof NoxApiError ? error.status : undefined;

/** The problems that the server named, by field (`resource_limits.max_memory_mb`). */
export function fieldProblems(error: unknown): Record<string, string> {
  if (!(error instanceof NoxApiError)) return {};
  const problems = z.array(FieldProblem).safeParse(error.details);
  return problems.success ? firstByField(problems.data) : {};
}

/** The same for a schema that was tried here, so that a mistake is shown without a round trip. */
export function schemaProblems(error: z.ZodError): Record<string, string> {
  return firstByField(
    error.issues.map((issue) => ({ field: issue.path.map(String).join('.'), message: wordsOf(issue) })),
  );
}

function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_small') {
    return issue.origin === 'string' && issue.minimum === 1 ? 'must not be empty' : `must be at least ${issue.minimum}`;
  }
  if (issue.code === 'too_big') {
    return issue.origin === 'string'
      ? `must be ${issue.maximum} characters at most`
      : `must be at most ${issue.maximum}`;
  }
  return issue.code === 'invalid_type' && issue.expected === 'number' ? 'must be a number' : issue.message;
}

function firstByField(problems: readonly FieldProblem[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { field, message } of problems) found[field] ??= message;
  return found;
}
