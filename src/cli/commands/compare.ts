import { resolve } from "node:path";
import { UserError } from "../../errors.ts";
import { EVALUATION_SPLITS } from "../../evaluation/node/evaluate-run.ts";
import { type ComparedPair, type ComparedRun, compareRuns } from "../../experiments/study/compare-runs.ts";
import { type OwnResult, ownResults } from "../../experiments/study/own-results.ts";
import { LADDER } from "../../report/ladder/ladder.ts";
import { ladderTable } from "../../report/ladder/ladder-table.ts";
import { type Table, tableLines } from "../../report/tables.ts";
import { intervalText, known, large, points, pText, spreadText } from "../../report/wording.ts";
import { collectEnvironment } from "../../runs/node/environment.ts";
import { openRun, type Run } from "../../runs/node/run-files.ts";
import { runsAt } from "../../runs/node/run-status.ts";
import { count, duration, percent } from "../../text.ts";
import { defineCommand } from "../command.ts";
import { THREADS_OPTION } from "../common-options.ts";
import { dataOfRun, RUN_DATA_OPTION } from "../custom-data.ts";
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
    const paths = typed.filter((run) => run !== undefined).flatMap(runsAt);
    const places = paths.map((run) => resolve(run));
    const twice = paths.find((_, i) => places.indexOf(places[i]!) < i);
    if (twice !== undefined) throw new UserError(`${twice} is named twice; name each run once`, { exitCode: 2 });
    const split = options.split ?? "test";
    const opened = paths.map(openRun);
    const data = await dataOfRun(trainedRun(opened), options, output);
    const { runs, pairs } = await compareRuns(opened, {
      data,
      split,
      threads: threads(options),
      onNotKept: sayNotKept(output),
    });
    const recipes = ownResults(runs);
    const { model: cpu, cores } = collectEnvironment().cpu;
    const isOnLadder = split === "test" && data.verified;
    const tables = [
      runsTable(runs, recipes, split),
      ...(pairs.length > 0 ? [pairsTable(pairs)] : []),
      ...(isOnLadder ? [ladderTable({ results: recipes, setting: { cpu, cores } })] : []),
    ];
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

/** The first run that tells its data; imported weights do not. */
function trainedRun(runs: readonly Run[]): Run {
  return runs.find(({ record }) => record.status !== "imported") ?? runs[0]!;
}

function runsTable(runs: readonly ComparedRun[], recipes: readonly OwnResult[], split: string): Table {
  return {
    title: `Accuracy on the ${split} images`,
    header: [
      "run",
      "recipe",
      "seed",
      "accuracy",
      "right",
      "standard error",
      "parameters",
      "multiply-adds",
      "trained in",
    ],
    leftColumns: [0, 1],
    rows: runs.map(({ run, recipe, seed, metrics, parameters, multiplyAdds, seconds }) => [
      run,
      recipe,
      known(seed, String),
      percent(metrics.accuracy),
      `${count(metrics.correct)} of ${count(metrics.total)}`,
      percent(metrics.standardError),
      count(parameters),
      large(multiplyAdds),
      known(seconds, duration),
    ]),
    notes: recipes
      .filter(({ accuracy }) => accuracy.n > 1)
      .map(({ name, accuracy }) => `${name} over seeds: ${spreadText(accuracy)}`),
  };
}

function pairsTable(pairs: readonly ComparedPair[]): Table {
  return {
    title: "Each run minus another, on the same images",
    header: ["b", "minus a", "points", "95 % interval", "McNemar", "only a right", "only b right"],
    leftColumns: [0, 1],
    rows: pairs.map(({ a, b, difference, interval, p, onlyFirst, onlySecond }) => [
      b,
      a,
      points(difference),
      intervalText(interval),
      pText(p),
      count(onlyFirst),
      count(onlySecond),
    ]),
    notes: [
      "Intervals and p (McNemar's exact test, two-sided) tell what the chance of the images can do, not that of the seed.",
    ],
  };
}
