/**
 * A mistake that the user can mend: bad input, a missing file, a refused option. The message says what was wrong, where,
 * what is allowed and what to do; the command line prints it without a stack trace. Anything else that is thrown is a
 * defect of ours.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  /** 1: the task could not be done; 2: the command was used wrongly. */
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? 1;
  }
}

/** What `read` gives, or the UserError that it throws. */
export function valueOrUserError<T>(read: () => T): T | UserError {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}
