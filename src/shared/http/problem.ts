import { type ErrorBody, type ErrorCode, ERRORS } from '../../contracts/errors.js';
import { NoxError } from '../nox-error.js';

const BY_STATUS: Partial<Record<number, ErrorCode>> = {
  400: 'INVALID_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'RATE_LIMITED',
  503: 'SHUTTING_DOWN',
};

/**
 * Any thrown thing as a row of the error table. What Nox did not throw itself keeps only its status, never its text:
 * messages of libraries and of faults may hold what a caller must not read.
 */
export function toNoxError(error: unknown): NoxError {
  if (error instanceof NoxError) return error;
  const status = statusOf(error);
  const code = BY_STATUS[status] ?? (status >= 400 && status < 500 ? 'INVALID_REQUEST' : 'INTERNAL_SERVER_ERROR');
  return new NoxError(code, ERRORS[code].message, undefined, { cause: error });
}

/** The body of every answer that is not a success. */
export function errorBody(error: NoxError, timestamp: string, request_id: string): ErrorBody {
  const { code, message, details } = error;
  return { error: { code, message, ...(details === undefined ? {} : { details }) }, timestamp, request_id };
}

/** Nest's exceptions have `getStatus()`, Fastify's errors a `statusCode`. */
function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null) return 500;
  if ('getStatus' in error && typeof error.getStatus === 'function') return Number(error.getStatus());
  if ('statusCode' in error && typeof error.statusCode === 'number') return error.statusCode;
  return 500;
}
