import { seedSpread } from "../evaluation/significance.ts";
import { count, duration, percent } from "../text.ts";
import type { Gain, ModelDetail, ModelResult, StudyReport } from "./report-data.ts";
import type { Table } from "./tables.ts";
import { intervalText, known, large, listText, points, pText, shortCommit, spreadText, UNKNOWN } from "./wording.ts";

/** The results table: every model's test accuracy and cost. */
export function resultsTable({ results, setting, isQuick }: StudyReport): Table {
  const notes = [
    "Accuracy on the test images at the last epoch, without test-time averaging: mean ± standard deviation over n seeds.",
    ...singleSeedNotes(results, setting.testImages),
    ...(results.some(isPublished) ? ["Published: one figure each, without spread, as its authors state it."] : []),
    ...committedNotes(results),
    ...(isQuick ? ["A quick study: the figures of what was trained here are no result."] : []),
  ];
  return {
    title: `Accuracy on the ${count(setting.testImages)} test images`,
    header: ["model", "origin", "accuracy", "epochs", "parameters", "multiply-adds", "training time"],
    rows: results.map((result) => [
      result.name,
      ORIGINS[result.origin.kind],
      isPublished(result) ? percent(result.accuracy.mean) : spreadText(result.accuracy),
      known(result.epochs, count),
      known(result.parameters, count),
      known(result.multiplyAdds, large),
      known(result.seconds, duration),
    ]),
    leftColumns: [0, 1],
    notes,
    strongRows: results.flatMap(({ origin }, i) => (origin.kind === "trained" ? [i] : [])),
  };
}

/** The gains of Enhanced over Base, with confidence intervals. */
export function gainsTable({ gains, results }: StudyReport): Table {
  return differencesTable(gains, results, {
    title: "Enhanced minus Base, in points",
    onlyFirst: "only Base right",
    onlySecond: "only Enhanced right",
  });
}

/** Validation accuracies whose times are told. */
const MILESTONES = [0.92, 0.93, 0.94, 0.95] as const;

/** Our networks beside ResNet18: differences of accuracy, and training times. Without ResNet18 the tables are empty. */
export function resNet18Tables({ overResNet18, results, models }: StudyReport): Table[] {
  const times = overResNet18.length === 0 ? [] : models;
  return [
    differencesTable(overResNet18, results, {
      title: "Ours minus ResNet18, in points",
      onlyFirst: "only ResNet18 right",
      onlySecond: "only ours right",
    }),
    {
      title: "Training time until a validation accuracy",
      header: ["model", ...MILESTONES.map((accuracy) => percent(accuracy, 0)), "all epochs"],
      rows: times.map(({ recipe, runs }) => [
        recipe,
        ...MILESTONES.map((accuracy) => known(meanSecondsUntil(runs, accuracy), duration)),
        duration(seedSpread(runs.map(({ epochs }) => epochs.at(-1)!.seconds)).mean),
      ]),
      leftColumns: [0],
      notes: [
        `Mean over seeds of the training seconds at the end of the first epoch with this validation accuracy; ${UNKNOWN} where not every seed reaches it.`,
      ],
    },
  ];
}

/** Null unless every run reaches the validation accuracy. */
function meanSecondsUntil(runs: ModelDetail["runs"], accuracy: number): number | null {
  const seconds = runs.flatMap(
    ({ epochs }) => epochs.find(({ validationAccuracy }) => (validationAccuracy ?? -1) >= accuracy)?.seconds ?? [],
  );
  return seconds.length === runs.length && runs.length > 0 ? seedSpread(seconds).mean : null;
}

function differencesTable(
  gains: readonly Gain[],
  results: readonly ModelResult[],
  words: { readonly title: string; readonly onlyFirst: string; readonly onlySecond: string },
): Table {
  const rows = gains.map(({ base, enhanced, difference, overSeeds, paired }) => [
    `${base} → ${enhanced}`,
    points(difference),
    known(overSeeds, intervalText),
    known(paired?.interval, intervalText),
    known(paired?.p, pText),
    known(paired?.onlyFirst, count),
    known(paired?.onlySecond, count),
  ]);
  return {
    title: words.title,
    header: ["pair", "gain", "95 % over seeds", "95 % over test images", "McNemar", words.onlyFirst, words.onlySecond],
    rows,
    leftColumns: [0],
    notes: [
      "Over seeds: confidence interval of the difference of the two mean accuracies (Welch's t).",
      ...(gains.some(({ paired }) => paired)
        ? [
            "Over test images: the two runs of the first seed, image by image (Agresti and Min's interval, McNemar's exact test).",
          ]
        : []),
      ...gains.flatMap((gain) => gainNotes(gain, results)),
    ],
  };
}

const ORIGINS = { published: "published", committed: "committed results", trained: "trained here" } as const;

/** Whether the result is from a publication. */
export function isPublished({ origin }: Pick<ModelResult, "origin">): boolean {
  return origin.kind === "published";
}

/** Notes on rows with a single seed: no spread over seeds, but the standard error of the test set. */
function singleSeedNotes(results: readonly ModelResult[], testImages: number): string[] {
  const errors = results
    .filter((result) => !isPublished(result) && result.accuracy.standardDeviation === null)
    .map(
      ({ name, accuracy: { mean } }) =>
        `${(100 * Math.sqrt((mean * (1 - mean)) / testImages)).toFixed(2)} points (${name})`,
    );
  if (errors.length === 0) return [];
  return [`A single seed has no spread; over the test images its binomial standard error is ${listText(errors)}.`];
}

/** One note for all rows of the same commit and processor. */
function committedNotes(results: readonly ModelResult[]): string[] {
  const places = new Map<string, { names: string[]; files: string[] }>();
  for (const { name, origin } of results) {
    if (origin.kind !== "committed") continue;
    const place = `commit ${shortCommit(origin.commit)}, on ${origin.cpu}`;
    const { names, files } = places.get(place) ?? { names: [], files: [] };
    places.set(place, { names: [...names, name], files: [...files, ...origin.files] });
  }
  return [...places].map(
    ([place, { names, files }]) =>
      `${listText(names)}: not trained here, but at ${place}; read from ${listText(files)}.`,
  );
}

/** Notes on unknown cells of a gain, and on comparisons of different runs. */
function gainNotes({ base, enhanced, difference, overSeeds, paired }: Gain, results: readonly ModelResult[]): string[] {
  const pair = `${base} → ${enhanced}`;
  const origins = results.filter(({ name }) => name === base || name === enhanced).map(({ origin }) => origin.kind);
  if (!paired && origins.includes("published")) {
    return [`${pair}: published as one figure each, so nothing is known of seeds or of single images.`];
  }
  const sentences = [
    ...(overSeeds ? [] : ["with a single seed on either side there is no interval over seeds"]),
    ...(paired ? [] : ["not both were trained here, so their answers cannot be compared image by image"]),
    ...(paired && points(paired.difference) !== points(difference)
      ? [`the two runs of the first seed differ by ${points(paired.difference)}`]
      : []),
  ];
  return sentences.length > 0 ? [`${pair}: ${sentences.join("; ")}.`] : [];
}
