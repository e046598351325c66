import { NoxError } from '../shared/nox-error.js';

/** A request whose one field does not fit. */
export const validationProblem = (field: string, message: string): NoxError =>
  new NoxError('VALIDATION_ERROR', `${field} ${message}`, [{ field, message }]);
