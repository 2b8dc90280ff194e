import { UserError } from "../../errors.ts";
import { mergeShards } from "../../experiments/merge-shards.ts";
import { counted } from "../../text.ts";
import { defineCommand } from "../command.ts";
import { path } from "../parse.ts";

export const merge = defineCommand({
  name: "merge",
  arguments: [{ name: "<folder...>", description: "the folders of the shards" }],
  options: [{ flags: "--out <folder>", description: "where all runs go: a new folder, or one that was merged before" }],
  examples: [
    "node bin/tailor.js train base --seeds 4 --shard 1/2 --out part1",
    "node bin/tailor.js train base --seeds 4 --shard 2/2 --out part2",
    "node bin/tailor.js merge part1 part2 --out seeds",
    "node bin/tailor.js train base --seeds 4 --out seeds",
  ],
  async run(folders, options, output) {
    const out = path(options, "out");
    if (out === undefined) {
      throw new UserError("merge needs --out: the folder where all runs go", { exitCode: 2 });
    }
    const merged = mergeShards(
      folders.filter((folder) => folder !== undefined),
      out,
    );
    for (const run of merged.unfinished) output.note(`${run} is not finished, and left out`);
    const there = merged.runs.length - merged.copied;
    output.say(
      `${out}: ${counted(merged.runs.length, "run")}${there > 0 ? `, ${there} of them there before` : ""}; now run the experiment's command without --shard and with --out ${out}`,
    );
    output.result({ ...merged });
    return 0;
  },
});
