import type { ErrorCode } from '../contracts/errors.js';

/** What a command itself has to object to; the code's row in the error table gives the exit status. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details?: unknown,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The command was called in a way that it does not know: exit status 2. */
export const usageError = (message: string): CliError => new CliError('INVALID_REQUEST', message);

/** Ends the command with this status when everything has been said already. */
export class Exit extends Error {
  override readonly name = 'Exit';

  constructor(readonly status: number) {
    super(`exit status ${status}`);
  }
}
