import { CALIBRATION_BINS } from "../evaluation/calibration.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import { type ConfusedPair, mostConfusedPairs } from "../evaluation/predictions.ts";
import { count, percent } from "../text.ts";
import type { ModelDetail } from "./report-data.ts";
import type { Table } from "./tables.ts";
import { listText, points } from "./wording.ts";

/** Tables of predictions: each is of a recipe's first run on the images it was evaluated on. */

/** A model's metrics, under its shown name. */
type Tested = Pick<ModelDetail, "recipe" | "test">;

/** Metrics per class: models side by side, as many per table as fit. */
export function perClassTables(models: readonly Tested[]): Table[] {
  const pairs = Array.from({ length: Math.ceil(models.length / 2) }, (_, i) => models.slice(2 * i, 2 * i + 2));
  return pairs.map(perClassTable);
}

function perClassTable(models: readonly Tested[]): Table {
  const classes = models[0]?.test.perClass ?? [];
  return {
    title: `Precision, recall and F1 of each class: ${listText(models.map(({ recipe }) => recipe))}`,
    header: ["class", "images", ...models.flatMap(({ recipe }) => RATIOS.map(({ name }) => `${recipe} ${name}`))],
    rows: classes.map(({ label, support }, i) => [
      label,
      count(support),
      ...models.flatMap(({ test }) => RATIOS.map(({ key }) => percent(test.perClass[i]![key], 1))),
    ]),
    leftColumns: [0],
    notes: [RATIOS_NOTE],
  };
}

/** What precision, recall and F1 are. */
export const RATIOS_NOTE =
  "Precision: of the images given this class, the share that has it. Recall: of the images of this class, the share that was given it. F1: their harmonic mean.";

/** A class's precision, recall and F1, in this order. */
export const RATIOS = [
  { name: "precision", key: "precision" },
  { name: "recall", key: "recall" },
  { name: "F1", key: "f1" },
] as const;

/** Number of pairs per model. */
const PAIRS = 5;

/** The most confused pairs of classes of each model. */
export function confusedPairsTable(models: readonly ModelDetail[]): Table {
  return {
    title: "Most confused pairs",
    header: ["model", ...PAIR_HEADER],
    rows: models.flatMap((model) => mostConfusedPairs(model.test.confusion, { count: PAIRS }).map(pairRow(model))),
    leftColumns: [0, 1, 2],
    notes: [`The ${PAIRS} pairs with the most mistakes between them, of each model.`],
  };
}

/** Of `pairCells`. */
export const PAIR_HEADER = ["class A", "class B", "A predicted as B", "B predicted as A", "both", "of its mistakes"];

function pairRow({ recipe, test }: ModelDetail): (pair: ConfusedPair) => string[] {
  const cellsOf = pairCells(test);
  return (pair) => [recipe, ...cellsOf(pair)];
}

/** The cells of a pair: both classes, confusions in both directions, their sum, and its share of all mistakes. */
export function pairCells({
  perClass,
  total,
  correct,
}: Pick<ClassificationMetrics, "perClass" | "total" | "correct">): (pair: ConfusedPair) => string[] {
  const nameOf = (label: number) => perClass[label]!.label;
  const mistakes = total - correct;
  return ({ a, b, aAsB, bAsA }) => [
    nameOf(a),
    nameOf(b),
    count(aAsB),
    count(bAsA),
    count(aAsB + bAsA),
    percent((aAsB + bAsA) / mistakes, 0),
  ];
}

/** Calibration of each model, with and without test-time averaging. */
export function calibrationTable(models: readonly ModelDetail[]): Table {
  return {
    title: "Calibration and loss",
    header: ["model", "answers", "accuracy", "ECE", "confidence minus accuracy", "loss"],
    rows: models.flatMap(({ recipe, test, testAveraged }) =>
      [
        { answers: "each image as it is", metrics: test },
        { answers: "averaged with its mirror image", metrics: testAveraged },
      ].map(({ answers, metrics: { accuracy, calibration, loss } }) => [
        recipe,
        answers,
        percent(accuracy),
        percent(calibration.error),
        points(calibration.overconfidence),
        loss.toFixed(4),
      ]),
    ),
    leftColumns: [0, 1],
    notes: [
      `ECE: expected calibration error, the mean distance between confidence and accuracy over ${CALIBRATION_BINS} intervals of confidence. Confidence minus accuracy, in points: above 0 the model is too sure of itself, below 0 not sure enough. Loss: cross entropy in nats.`,
      "Averaging with the mirror image is shown for comparison only; no other figure of this report uses it.",
    ],
  };
}
