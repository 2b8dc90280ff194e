/** Reading what the user typed. Every refusal names the option, the value and what is allowed. */
import { availableParallelism } from "node:os";
import { UserError } from "../errors.ts";
import type { Shard } from "../experiments/train-all.ts";
import { flag } from "./wording.ts";

/** Typed options that have one of this name, with a value. */
type Typed<Name extends string> = { readonly [_ in Name]: string | undefined };

/** Maximum default number of threads: more slow down networks of this size. */
const MAX_DEFAULT_THREADS = 8;
/** Upper bound for the runs of one recipe. */
const MAX_SEEDS = 1000;

/** @throws UserError unless the option is absent or a whole number in the range */
export function wholeNumber<Name extends string>(
  options: Typed<Name>,
  name: Name,
  { least = 1, most = Number.MAX_SAFE_INTEGER }: { least?: number; most?: number } = {},
): number | undefined {
  const typed = options[name];
  if (typed === undefined) return undefined;
  const value = /^[+-]?\d+$/.test(typed.trim()) ? Number(typed) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} up` : `from ${least} to ${most}`;
    throw new UserError(`${flag(name)} must be a whole number ${range}, got "${typed}"`, { exitCode: 2 });
  }
  return value;
}

/** @throws UserError unless the option is absent or a finite number above 0 */
export function positiveNumber<Name extends string>(options: Typed<Name>, name: Name): number | undefined {
  const typed = options[name];
  if (typed === undefined) return undefined;
  const value = typed.trim() === "" ? Number.NaN : Number(typed);
  if (!Number.isFinite(value) || value <= 0) {
    throw new UserError(`${flag(name)} must be a number above 0, got "${typed}"`, { exitCode: 2 });
  }
  return value;
}

/** @throws UserError unless the option is absent or from 0 up and below 1 */
export function fraction<Name extends string>(options: Typed<Name>, name: Name): number | undefined {
  const typed = options[name];
  if (typed === undefined) return undefined;
  const value = typed.trim() === "" ? Number.NaN : Number(typed);
  if (!(value >= 0 && value < 1)) {
    throw new UserError(`${flag(name)} must be at least 0 and below 1, got "${typed}"`, { exitCode: 2 });
  }
  return value;
}

export function path<Name extends string>(options: Typed<Name>, name: Name): string | undefined {
  const typed = options[name];
  if (typed === "") throw new UserError(`${flag(name)} must name a folder, got ""`, { exitCode: 2 });
  return typed;
}

/**
 * The number of threads: --threads; else OMP_NUM_THREADS, as other numerical programs take it; else the processor's cores up
 * to a sensible number.
 */
export function threads(options: Typed<"threads">): number {
  const ofEnvironment = /^[1-9]\d{0,2}$/.exec(process.env.OMP_NUM_THREADS ?? "")?.[0];
  const standard = ofEnvironment ? Number(ofEnvironment) : Math.min(availableParallelism(), MAX_DEFAULT_THREADS);
  return wholeNumber(options, "threads", { most: 1024 }) ?? standard;
}

/** The folds of a cross-validation: --folds. */
export function folds(options: Typed<"folds">): number | undefined {
  return wholeNumber(options, "folds", { least: 2, most: MAX_SEEDS });
}

/** The runs of each recipe: --seeds. */
export function seeds(options: Typed<"seeds">): number | undefined {
  return wholeNumber(options, "seeds", { most: MAX_SEEDS });
}

/** Upper bound for shards: more than a large cluster has. */
const MAX_SHARDS = 10_000;

/** The share of an experiment's runs to train: --shard. @throws UserError unless it is absent or like 2/4 */
export function shard(options: Typed<"shard">): Shard | undefined {
  const typed = options.shard;
  if (typed === undefined) return undefined;
  const [, number, of] = /^(\d{1,5})\/(\d{1,5})$/.exec(typed.trim())?.map(Number) ?? [];
  if (number === undefined || of === undefined || number < 1 || number > of || of > MAX_SHARDS) {
    throw new UserError(
      `--shard must be the number of this shard and how many there are, 1/4 to 4/4 for four (at most ${MAX_SHARDS}), got "${typed}"`,
      { exitCode: 2 },
    );
  }
  return { number, of };
}
