import type { Lowering } from "../compile/program.ts";
import type { OptionSpec } from "./command.ts";

/** Options that several commands have. What is typed is read by `parse.ts`. */

export const THREADS_OPTION = {
  flags: "--threads <n>",
  description: "threads to compute with",
  default: "the processor's cores, at most 8",
} as const satisfies OptionSpec;

export const DATA_OPTION = {
  flags: "--data <folder>",
  description: "a folder with the four IDX files",
  default: "Fashion-MNIST, fetched if need be",
} as const satisfies OptionSpec;

export const LIMIT_OPTION = {
  flags: "--limit <n>",
  description: "training images to use, after the split",
  default: "all",
} as const satisfies OptionSpec;

const LOWERINGS = ["standard", "blocked"] as const satisfies readonly Lowering["kind"][];

/** @param description what is computed so */
export function loweringOption(description: string) {
  return {
    flags: "--lowering <kind>",
    description,
    choices: LOWERINGS,
    default: "blocked where the processor has it",
  } as const satisfies OptionSpec;
}
