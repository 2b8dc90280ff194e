import { UserError } from "../../errors.ts";
import type { ClassificationMetrics } from "../../evaluation/metrics.ts";
import { EVALUATION_SPLITS, evaluateRun } from "../../evaluation/node/evaluate-run.ts";
import { mostConfusedPairs } from "../../evaluation/predictions.ts";
import { type Ranking, rankingOf } from "../../evaluation/ranking.ts";
import { accuracyLine } from "../../report/wording.ts";
import { openRun } from "../../runs/node/run-files.ts";
import { count, percent, table } from "../../text.ts";
import { defineCommand } from "../command.ts";
import { DEVICE_OPTION, THREADS_OPTION } from "../common-options.ts";
import { dataOfRun, RUN_DATA_OPTION } from "../custom-data.ts";
import { deviceForModel } from "../model-device.ts";
import { noteUnverified } from "../named-runs.ts";
import { type Output, sayNotKept } from "../output.ts";
import { threads } from "../parse.ts";

/** Number of most confused pairs to show. */
const SHOWN_PAIRS = 5;
/** Longer lines cannot be read in a terminal, in characters. */
const MAX_LINE = 120;

export const evaluate = defineCommand({
  name: "evaluate",
  arguments: [{ name: "<run>", description: "a run folder" }],
  options: [
    { flags: "--split <name>", description: "which images", choices: EVALUATION_SPLITS, default: "test" },
    { flags: "--tta", description: "test-time averaging: each image and its mirror image" },
    RUN_DATA_OPTION,
    THREADS_OPTION,
    DEVICE_OPTION,
  ],
  examples: [
    "node bin/tailor.js evaluate runs/base-20260131-120000",
    "node bin/tailor.js evaluate runs/best --split validation --json",
  ],
  async run([run], options, output) {
    const split = options.split ?? "test";
    const averageFlips = options.tta === true;
    if (!run) throw new UserError("name the folder of the run to evaluate", { exitCode: 2 });
    const opened = openRun(run);
    noteUnverified([opened], output);
    const data = await dataOfRun(opened, options, output);
    const { openModel } = await deviceForModel(run, options, output);
    const metrics = await evaluateRun(opened, {
      data,
      split,
      averageFlips,
      threads: threads(options),
      openModel,
      onNotKept: sayNotKept(output),
    });
    const how = averageFlips ? ", averaged with the mirror image" : "";
    const ranking = rankingOf(
      metrics.predictions,
      metrics.perClass.map(({ label }) => label),
    );
    output.say(accuracyLine(`${split}${how}`, metrics));
    sayRanking(metrics, ranking, output);
    sayPerClass(metrics, output);
    sayConfused(metrics, output);
    const { predictions: _, ...rest } = metrics;
    output.result({
      run,
      split,
      tta: averageFlips,
      ...rest,
      macroAuc: ranking.macroAuc,
      macroAveragePrecision: ranking.macroAveragePrecision,
      ranking: ranking.classes.map(({ label, auc, averagePrecision }) => ({ label, auc, averagePrecision })),
      mostConfused: confusedPairs(metrics),
    });
    return 0;
  },
});

/** Top-5 accuracy, and how well the probabilities rank the images. */
function sayRanking(
  { top5 }: ClassificationMetrics,
  { macroAuc, macroAveragePrecision }: Ranking,
  output: Output,
): void {
  const parts = [
    ...(top5 === undefined ? [] : [`top-5 accuracy ${percent(top5)}`]),
    ...(macroAuc === null ? [] : [`macro AUC ${macroAuc.toFixed(4)}`]),
    ...(macroAveragePrecision === null ? [] : [`macro average precision ${macroAveragePrecision.toFixed(4)}`]),
  ];
  if (parts.length > 0) output.say(parts.join(", "));
}

function sayPerClass({ perClass, confusion }: ClassificationMetrics, output: Output): void {
  const rows = perClass.map(({ label, precision, recall, f1, support }, i) => [
    label,
    percent(precision, 1),
    percent(recall, 1),
    percent(f1, 1),
    count(support),
    ...confusion[i]!.map(String),
  ]);
  const header = ["class", "precision", "recall", "F1", "images", ...perClass.map((_, i) => `→${i}`)];
  output.say("");
  const lines = table([header, ...rows]);
  if (lines.every((line) => line.length <= MAX_LINE)) {
    for (const line of lines) output.say(line);
    output.say("The columns on the right are the confusion matrix: predicted labels, in the same order.");
    return;
  }
  const measures = header.length - perClass.length;
  for (const line of table([header, ...rows].map((row) => row.slice(0, measures)))) output.say(line);
  output.say(
    `The confusion matrix of ${count(perClass.length)} classes is too wide for a terminal: --json prints it, and \`report\` draws it.`,
  );
}

function sayConfused(metrics: ClassificationMetrics, output: Output): void {
  const { error, overconfidence } = metrics.calibration;
  const pairs = confusedPairs(metrics).map(
    ({ a, b, aAsB, bAsA }) => `${a} / ${b} ${count(aAsB + bAsA)} (${count(aAsB)} + ${count(bAsA)})`,
  );
  output.say("");
  const line = `most confused: ${pairs.join(", ")}`;
  if (pairs.length > 0)
    for (const one of line.length <= MAX_LINE ? [line] : ["most confused:", ...pairs.map((pair) => `  ${pair}`)])
      output.say(one);
  output.say(
    `calibration error ${percent(error)}: on average ${percent(Math.abs(overconfidence))} too ${overconfidence < 0 ? "unsure" : "sure"} of its answers`,
  );
}

/** The most confused pairs of classes by their names. */
function confusedPairs({ confusion, perClass }: ClassificationMetrics) {
  return mostConfusedPairs(confusion, { count: SHOWN_PAIRS }).map((pair) => ({
    ...pair,
    a: perClass[pair.a]!.label,
    b: perClass[pair.b]!.label,
  }));
}
