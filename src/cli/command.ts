import type { Output } from "./output.ts";

/** A command's option, as data from which parsing and help are generated. */
export interface OptionSpec {
  /** As commander writes it: `--epochs <n>`, or `--json` for a switch. */
  readonly flags: string;
  readonly description: string;
  /** Shown in help. */
  readonly default?: string;
  /** The allowed words. */
  readonly choices?: readonly string[];
  /** Today's word for one that an earlier version took. */
  readonly current?: (word: string) => string;
  /** Whether it may be repeated; its value is then a list. */
  readonly isRepeatable?: boolean;
}

export interface ArgumentSpec {
  /** `<recipe>` for a required one, `[recipe]` for an optional one, `<run...>` for one or more (the last). */
  readonly name: string;
  readonly description: string;
}

/** What the user typed: options by their long name in camel case; absent ones are undefined. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** A command. Its file is loaded only when it is used. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  /** Whole command lines, for the help. */
  readonly examples: readonly string[];
  /** @returns the exit code; nothing means 0 */
  run(args: readonly (string | undefined)[], options: OptionValues, output: Output): Promise<number | undefined>;
}
