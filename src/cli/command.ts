import type { Output } from "./output.ts";

/** A command's option, as data: parsing, its type and help are made from it. */
export interface OptionSpec {
  /** As commander writes it: `--epochs <n>`, or `--json` for a switch. */
  readonly flags: `--${string}`;
  readonly description: string;
  /** Shown in help. */
  readonly default?: string;
  /** The allowed words; commander refuses others. */
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

type CamelCase<Text extends string> = Text extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Text;

/** `--batch-size <n>` -> "batchSize", as commander names it. */
type NameOf<Flags extends string> = Flags extends `--${infer Name} <${string}>`
  ? CamelCase<Name>
  : Flags extends `--${infer Name}`
    ? CamelCase<Name>
    : never;

type ValueOf<Spec extends OptionSpec> = Spec extends { readonly isRepeatable: true }
  ? readonly string[]
  : Spec["flags"] extends `${string} <${string}>`
    ? Spec extends { readonly choices: readonly (infer Choice)[] }
      ? Choice
      : string
    : true;

/** What can be typed of declared options: by name, undefined where it was left out. No other name compiles. */
export type OptionsOf<Specs extends readonly OptionSpec[]> = {
  readonly [Spec in Specs[number] as NameOf<Spec["flags"]>]: ValueOf<Spec> | undefined;
};

/** Options of any command, as they were typed. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** A command; its summary stands in the list of commands. Its file is loaded only when it is used. */
export interface Command<Specs extends readonly OptionSpec[] = readonly OptionSpec[], Options = OptionValues> {
  readonly name: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: Specs;
  /** Whole command lines, for the help. */
  readonly examples: readonly string[];
  /** @returns the exit code; nothing means 0 */
  run(args: readonly (string | undefined)[], options: Options, output: Output): Promise<number | undefined>;
}

/** A command whose `run` gets the options that it declares, and no others. */
export function defineCommand<const Specs extends readonly OptionSpec[]>(
  command: Command<Specs, OptionsOf<Specs>>,
): Command {
  return command as Command<Specs>;
}
