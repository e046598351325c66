import { ERRORS, ErrorBody, type ErrorCode } from '../contracts/errors.js';
import type { HttpAnswer } from './http-send.js';

export interface ApiErrorFields {
  /** A row of the error table, or one that a newer server has. */
  readonly code: string;
  readonly message: string;
  /** HTTP status of the answer; 0 when there was none. */
  readonly status: number;
  readonly details?: unknown;
  /** Finds the request in the server's log. */
  readonly request_id?: string | undefined;
}

/** The one error that the client throws: what the server answered, or that nothing answered (`SERVER_UNREACHABLE`). */
export class NoxApiError extends Error {
  override readonly name = 'NoxApiError';
  readonly code: string;
  readonly status: number;
  readonly details: unknown;
  readonly request_id: string | undefined;

  constructor(fields: ApiErrorFields, options?: ErrorOptions) {
    super(fields.message, options);
    this.code = fields.code;
    this.status = fields.status;
    this.details = fields.details;
    this.request_id = fields.request_id;
  }

  /** Worth asking again by itself: nothing answered, or the server said "not now". */
  get transient(): boolean {
    return this.code === 'SERVER_UNREACHABLE' || [429, 502, 503, 504].includes(this.status);
  }
}

/** The error of an answer that is no success. Answers of others (a proxy's page) are told as such. */
export async function errorOfResponse(response: HttpAnswer): Promise<NoxApiError> {
  const body = ErrorBody.safeParse(parseJson(await response.text()));
  if (!body.success) {
    const message = `The server answered ${response.status} ${response.statusText}`.trim() + ', but not as Nox does.';
    return new NoxApiError({ code: 'UNEXPECTED_REPLY', message, status: response.status });
  }
  return errorOfBody(body.data, response.status);
}

/** The error that an envelope describes, also when it came inside a stream. */
export function errorOfBody({ error, request_id }: ErrorBody, status = statusOf(error.code)): NoxApiError {
  return new NoxApiError({ ...error, status, request_id });
}

/** Undefined when the text is no JSON: whoever asked finds that the value does not fit. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const statusOf = (code: string): number => (Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode].status : 500);
