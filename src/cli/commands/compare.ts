import { EVALUATION_SPLITS } from "../../evaluation/node/evaluate-run.ts";
import { compareRuns } from "../../experiments/study/compare-runs.ts";
import { ownResults } from "../../experiments/study/own-results.ts";
import { pairsTable, runsTable } from "../../report/comparison-page.ts";
import { LADDER } from "../../report/ladder/ladder.ts";
import { ladderTable } from "../../report/ladder/ladder-table.ts";
import { tableLines } from "../../report/tables.ts";
import { collectEnvironment } from "../../runs/node/environment.ts";
import { defineCommand } from "../command.ts";
import { THREADS_OPTION } from "../common-options.ts";
import { dataOfRun, RUN_DATA_OPTION } from "../custom-data.ts";
import { namedRuns, noteUnverified, sharedFolder, trainedRun } from "../named-runs.ts";
import { sayNotKept } from "../output.ts";
import { threads } from "../parse.ts";

export const compare = defineCommand({
  name: "compare",
  arguments: [
    {
      name: "<run...>",
      description: "finished run folders, or folders that hold some, as those of study, ablate and train --seeds",
    },
  ],
  options: [
    { flags: "--split <name>", description: "which images", choices: EVALUATION_SPLITS, default: "test" },
    RUN_DATA_OPTION,
    THREADS_OPTION,
  ],
  examples: [
    "node bin/tailor.js compare study/runs/base-s1 study/runs/enhanced-s1",
    "node bin/tailor.js compare study",
    "node bin/tailor.js compare runs/a runs/b --split validation --json",
  ],
  async run(typed, options, output) {
    const split = options.split ?? "test";
    const opened = namedRuns(typed, output);
    noteUnverified(opened, output);
    const data = await dataOfRun(trainedRun(opened), options, output);
    const { runs, pairs } = await compareRuns(opened, {
      data,
      loadData: (run) => dataOfRun(run, options, output),
      split,
      threads: threads(options),
      onNotKept: sayNotKept(output),
    });
    const recipes = ownResults(runs);
    const { model: cpu, cores } = collectEnvironment().cpu;
    const { folder, nameOf } = sharedFolder(runs.map(({ run }) => run));
    const named = runs.map((one) => ({ ...one, run: nameOf(one.run) }));
    const isOnLadder = split === "test" && data.verified;
    const tables = [
      runsTable(named, recipes, split),
      ...(pairs.length > 0
        ? [pairsTable(pairs.map((pair) => ({ ...pair, a: nameOf(pair.a), b: nameOf(pair.b) })))]
        : []),
      ...(isOnLadder ? [ladderTable({ results: recipes, setting: { cpu, cores } })] : []),
    ];
    if (folder !== undefined) output.say(`runs in ${folder}`);
    for (const [i, table] of tables.entries()) {
      if (i > 0) output.say("");
      for (const line of tableLines(table)) output.say(line);
    }
    output.result({
      split,
      runs: runs.map(({ metrics: { accuracy, correct, total, standardError }, ...run }) => ({
        run: run.run,
        recipe: run.recipe,
        seed: run.seed,
        accuracy,
        correct,
        total,
        standardError,
        parameters: run.parameters,
        multiplyAdds: run.multiplyAdds,
        seconds: run.seconds,
      })),
      recipes: recipes.map(({ name, accuracy, origin }) => ({
        recipe: runs.find(({ run }) => run === origin.runs[0])!.recipe,
        name,
        accuracy,
      })),
      pairs: pairs.map(({ interval: { low, high }, ...pair }) => ({ ...pair, interval: [low, high] })),
      ladder: LADDER,
    });
    return 0;
  },
});
