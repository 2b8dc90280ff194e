/** Where a command speaks: with --json one object on standard output and everything else on standard error. */
export interface Output {
  readonly isJson: boolean;
  /** Whether a live line can be drawn on standard error. */
  readonly isInteractive: boolean;
  /** A line for people. */
  say(line: string): void;
  /** A line about what is going on: always standard error. */
  note(line: string): void;
  /** The command's result as JSON; printed with --json only. */
  result(value: Readonly<Record<string, unknown>>): void;
}

export function createOutput({ isJson }: { isJson: boolean }): Output {
  const note = (line: string) => {
    process.stderr.write(`${line}\n`);
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
