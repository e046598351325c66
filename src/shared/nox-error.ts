import { ERRORS, type ErrorCode, type FieldProblem } from '../contracts/errors.js';
import type { z } from 'zod';

/**
 * The one error that Nox throws on purpose. `code` is a row of the error table; `message` is for a person and says
 * the remedy; `details` is data for a program and never holds a secret.
 */
export class NoxError extends Error {
  override readonly name = 'NoxError';

  constructor(
    readonly code: ErrorCode,
    message: string = ERRORS[code].message,
    readonly details?: unknown,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** Every field that did not fit. `part` stands for the whole when it is that which does not fit. */
export function fieldProblems(part: string, error: z.ZodError): FieldProblem[] {
  return error.issues.flatMap((issue) => {
    const at = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ field: at === '' ? key : `${at}.${key}`, message: 'is not a known field' }));
    }
    return [{ field: at === '' ? part : at, message: issue.message }];
  });
}

/** Names every field that did not fit, at once. `part` is `body`, `query`, `address`, `header` or a file's name. */
export function validationError(part: string, error: z.ZodError): NoxError {
  const problems = fieldProblems(part, error);
  const list = problems.map((p) => `${p.field}: ${p.message}`).join('; ');
  return new NoxError('VALIDATION_ERROR', `The ${part} does not fit: ${list}`, problems);
}

/** Errors of the operating system by code (`ENOSPC`, `EACCES`), else undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
