import { UserError } from "../errors.ts";
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
  {
    flags: "--queue <url>",
    description: "let the workers of a queue train the runs: redis://, rediss:// or postgres:// (docs/queue.md)",
  },
] as const satisfies readonly OptionSpec[];

/** The option that is typed of the two, if any. */
export function distributionTyped(options: OptionsOf<typeof DISTRIBUTION_OPTIONS>): "shard" | "queue" | undefined {
  return (["shard", "queue"] as const).find((name) => options[name] !== undefined);
}

/** How the runs are trained; undefined: all of them here. @throws UserError when an option is refused */
export function typedDistribution(options: OptionsOf<typeof DISTRIBUTION_OPTIONS>): TrainRuns | undefined {
  const own = shard(options);
  if (options.queue === undefined) return own && trainShard(own);
  if (own) throw new UserError("--shard and --queue are two ways to divide the runs; leave one out", { exitCode: 2 });
  const url = options.queue;
  // Loaded on use, as is all that only a queue needs.
  return async (planned, shared) => (await import("../queue/train-on-queue.ts")).trainOnQueue(url)(planned, shared);
}
