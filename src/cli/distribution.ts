import { type TrainRuns, trainShard } from "../experiments/train-all.ts";
import type { OptionSpec, OptionsOf } from "./command.ts";
import { shard } from "./parse.ts";

/** Options of experiments: where their runs are trained, if not all here. */
export const DISTRIBUTION_OPTIONS = [
  {
    flags: "--shard <i/n>",
    description:
      "train only every n-th run, from the i-th on; `merge` puts the shards' folders together (docs/queue.md)",
  },
] as const satisfies readonly OptionSpec[];

/** How the runs are trained; undefined: all of them here. @throws UserError when an option is refused */
export function typedDistribution(options: OptionsOf<typeof DISTRIBUTION_OPTIONS>): TrainRuns | undefined {
  const own = shard(options);
  return own && trainShard(own);
}
