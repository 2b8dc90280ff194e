import type { Lowering } from "../compile/program.ts";
import { DEVICES } from "../runtime/webgpu/device.ts";
import type { OptionSpec } from "./command.ts";

/** Options of several commands. Their values are parsed by `parse.ts`. */

export const THREADS_OPTION = {
  flags: "--threads <n>",
  description: "threads to compute with",
  default: "OMP_NUM_THREADS, else the processor's cores, at most 8",
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

export const DEVICE_OPTION = {
  flags: "--device <name>",
  description: "cpu; gpu: through WebGPU (docs/gpu.md); auto: the GPU if there is one and it is faster in a trial",
  choices: DEVICES,
  default: "cpu",
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
