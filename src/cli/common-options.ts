import { currentRecipeName } from "../recipes/renamed.ts";
import type { OptionSpec } from "./command.ts";
import type { Output } from "./output.ts";
import { LOWERINGS } from "./parse.ts";

/** Options of several commands. Their values are parsed by `parse.ts`. */

export const THREADS_OPTION: OptionSpec = {
  flags: "--threads <n>",
  description: "threads to compute with",
  default: "the processor's cores, at most 8",
};

export const DATA_OPTION: OptionSpec = {
  flags: "--data <folder>",
  description: "a folder with the four IDX files",
  default: "Fashion-MNIST, fetched if need be",
};

export const LIMIT_OPTION: OptionSpec = {
  flags: "--limit <n>",
  description: "training images to use, after the split",
  default: "all",
};

/** @param description what is computed in the lowering */
export function loweringOption(description: string): OptionSpec {
  return {
    flags: "--lowering <kind>",
    description,
    choices: LOWERINGS,
    default: "blocked where the processor has it",
  };
}

/** Says so when a recipe was named as earlier versions called it. */
export function noteRenamed(recipeName: string | undefined, output: Output): void {
  if (recipeName === undefined) return;
  const current = currentRecipeName(recipeName);
  if (current !== recipeName) output.note(`recipe ${recipeName} is called ${current} now`);
}
