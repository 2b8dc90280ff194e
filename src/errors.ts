/**
 * An error that the user can fix: invalid input, a missing file, an invalid option. The message says what is wrong,
 * where, what is allowed and what to do; the command line prints it without a stack trace. Any other error is a bug in
 * tailor.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  /** 1: the task failed; 2: usage error. */
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** Returns the result of `read`, or the UserError that it throws. */
export function valueOrUserError<T>(read: () => T): T | UserError {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}
