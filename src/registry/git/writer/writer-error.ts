/**
 * Why the writer made no commit: `edited`, somebody saved a file in the instant in which it was replaced; `moved`, the ref
 * is not where the caller saw it; `locked`, another git works; `branch`, another branch is checked out; `failed`, the rest.
 */
export type WriterErrorKind = 'edited' | 'moved' | 'locked' | 'branch' | 'failed';

export class WriterError extends Error {
  override readonly name = 'WriterError';

  constructor(
    readonly kind: WriterErrorKind,
    message: string,
    /** Of the system's error, if it was one. */
    readonly code?: string,
  ) {
    super(message);
  }
}
