import { inWords, type Wording, type Words } from "./wording.ts";

/**
 * A mistake that the user can mend: bad input, a missing file, a refused option. The message says what was wrong, where,
 * what is allowed and what to do, and names options as a program does; the command line words it with its flags and prints
 * it without a stack trace. Anything else that is thrown is a defect of ours.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  /** 1: the task failed; 2: usage error. */
  readonly exitCode: 1 | 2;
  readonly #words: Words;

  constructor(words: Words, options: { exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(inWords(words), options.cause === undefined ? undefined : { cause: options.cause });
    this.#words = words;
    this.exitCode = options.exitCode ?? 1;
  }

  /** The message as another place words it. */
  worded(wording: Wording): string {
    return inWords(this.#words, wording);
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

/** What something that was thrown says: an error's message, anything else as a string. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error of the system, Node or Postgres; empty where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** The same in one line, for the end of another message: ONNX Runtime's messages have several. */
export function reasonInLine(error: unknown): string {
  return messageOf(error).replaceAll(/\s+/g, " ").trim();
}
