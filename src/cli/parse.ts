import { availableParallelism } from "node:os";
import { shellWord, TAILOR } from "../command-text.ts";
import type { Lowering } from "../compile/program.ts";
import { UserError } from "../errors.ts";
import type { OptionValues } from "./command.ts";

/** Parsing of option values. Every error names the option, the value and what is allowed. */

/** Maximum default number of threads: more slow down networks of this size. */
const MAX_DEFAULT_THREADS = 8;
/** Upper bound for the runs of one recipe. */
const MAX_SEEDS = 1000;
export const LOWERINGS = ["standard", "blocked"] as const satisfies readonly Lowering["kind"][];

export function text(options: OptionValues, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** `batchSize` -> `--batch-size` */
export function flag(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The values of a repeatable option. */
export function repeated(options: OptionValues, name: string): readonly string[] {
  const value = options[name];
  return typeof value === "object" ? value : [];
}

/** @throws UserError unless the option is absent or an integer in the range */
export function wholeNumber(
  options: OptionValues,
  name: string,
  { least = 1, most = Number.MAX_SAFE_INTEGER }: { least?: number; most?: number } = {},
): number | undefined {
  const typed = text(options, name);
  if (typed === undefined) return undefined;
  const value = /^[+-]?\d+$/.test(typed.trim()) ? Number(typed) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} up` : `from ${least} to ${most}`;
    throw new UserError(`${flag(name)} must be a whole number ${range}, got "${typed}"`, { exitCode: 2 });
  }
  return value;
}

/** @throws UserError unless the option is absent or a finite number above 0 */
export function positiveNumber(options: OptionValues, name: string): number | undefined {
  const typed = text(options, name);
  if (typed === undefined) return undefined;
  const value = typed.trim() === "" ? Number.NaN : Number(typed);
  if (!Number.isFinite(value) || value <= 0) {
    throw new UserError(`${flag(name)} must be a number above 0, got "${typed}"`, { exitCode: 2 });
  }
  return value;
}

/** @throws UserError unless the option is absent or from 0 to below 1 */
export function fraction(options: OptionValues, name: string): number | undefined {
  const typed = text(options, name);
  if (typed === undefined) return undefined;
  const value = typed.trim() === "" ? Number.NaN : Number(typed);
  if (!(value >= 0 && value < 1)) {
    throw new UserError(`${flag(name)} must be at least 0 and below 1, got "${typed}"`, { exitCode: 2 });
  }
  return value;
}

/** @throws UserError unless the option is absent or one of `choices` */
export function choice<Choice extends string>(
  options: OptionValues,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const typed = text(options, name);
  if (typed === undefined) return undefined;
  const found = choices.find((candidate) => candidate === typed);
  if (found === undefined) {
    throw new UserError(`${flag(name)} must be one of ${choices.join(", ")}, got "${typed}"`, { exitCode: 2 });
  }
  return found;
}

export function path(options: OptionValues, name: string): string | undefined {
  const typed = text(options, name);
  if (typed === "") throw new UserError(`${flag(name)} must name a folder, got ""`, { exitCode: 2 });
  return typed;
}

/** The number of threads: --threads, or the processor's cores up to a sensible number. */
export function threads(options: OptionValues): number {
  return wholeNumber(options, "threads", { most: 1024 }) ?? Math.min(availableParallelism(), MAX_DEFAULT_THREADS);
}

/** The runs of each recipe: --seeds. */
export function seeds(options: OptionValues): number | undefined {
  return wholeNumber(options, "seeds", { most: MAX_SEEDS });
}

/** The lowering: --lowering, or undefined for the default. */
export function lowering(options: OptionValues): (typeof LOWERINGS)[number] | undefined {
  return choice(options, "lowering", LOWERINGS);
}

/** Options of every command that affect only the output. */
const SHOWING = ["json", "verbose"];

/** The command line that reproduces this one: the command with the given options. */
export function commandLine(command: string, options: OptionValues): string {
  const words = Object.entries(options)
    .filter(([name]) => !SHOWING.includes(name))
    .flatMap(([name, value]) => {
      if (typeof value === "boolean" || value === undefined) return value ? [flag(name)] : [];
      return [value].flat().flatMap((word) => [flag(name), shellWord(word)]);
    });
  return [TAILOR, command, ...words].join(" ");
}
