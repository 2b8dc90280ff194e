import { inWords, type Words } from "../wording.ts";
import { IN_FLAGS } from "./wording.ts";

/** Where a command speaks: with --json one object on standard output and everything else on standard error. */
export interface Output {
  readonly isJson: boolean;
  /** Whether a live line can be drawn on standard error. */
  readonly isInteractive: boolean;
  /** A human-readable line of the result. */
  say(line: string): void;
  /** A line about what is going on: always standard error. @param words the same line with gaps for flags, where it has some */
  note(line: string, words?: Words): void;
  /** The command's result as JSON; printed with --json only. */
  result(value: Readonly<Record<string, unknown>>): void;
}

/**
 * Handles errors of the output streams. If the reader has gone (`tailor data | head -1`), the command continues
 * silently to its end, since a training of hours is worth more than its log. Any other error, such as a full disk, is a
 * failure.
 */
export function watchStreams(): void {
  const onError = (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    process.exitCode = 1;
    process.stderr.write(`error: cannot write the output: ${error.message}\n`);
  };
  process.stdout.on("error", onError);
  process.stderr.on("error", () => {});
}

export function createOutput({ isJson }: { isJson: boolean }): Output {
  const note = (line: string, words: Words = line) => {
    process.stderr.write(`${inWords(words, IN_FLAGS)}\n`);
  };
  return {
    isJson,
    isInteractive: process.stderr.isTTY === true && !process.env.CI,
    say: isJson ? note : (line) => process.stdout.write(`${line}\n`),
    note,
    result(value) {
      if (isJson) process.stdout.write(`${JSON.stringify(value)}\n`);
    },
  };
}

/** Reports why a result could not be saved in its run's record, which does not stop the command. */
export function sayNotKept(output: Output): (why: string) => void {
  return (why) => output.note(`the result was not kept in the run: ${why}`);
}
