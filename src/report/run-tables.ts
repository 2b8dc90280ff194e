import { CALIBRATION_BINS } from "../evaluation/calibration.ts";
import type { ClassificationMetrics } from "../evaluation/metrics.ts";
import { mostConfusedPairs } from "../evaluation/predictions.ts";
import type { Ranking } from "../evaluation/ranking.ts";
import { count, percent } from "../text.ts";
import { PAIR_HEADER, pairCells, RATIOS, RATIOS_NOTE } from "./model-tables.ts";
import type { Table } from "./tables.ts";
import { known, points } from "./wording.ts";

/** Tables of one run. */

/** With more classes than this, those that are recognized worst come first. */
const MAX_IN_ORDER = 20;
const MAX_PAIRS = 10;

/** Precision, recall, F1, ranking and number of images of each class. */
export function classesTable({ perClass }: ClassificationMetrics, ranking: Ranking): Table {
  const isSorted = perClass.length > MAX_IN_ORDER;
  const order = perClass.map((_, label) => label);
  if (isSorted) order.sort((a, b) => perClass[a]!.f1 - perClass[b]!.f1 || a - b);
  const area = (value: number | null) => known(value, (number) => number.toFixed(4));
  return {
    title: `Each class${isSorted ? ", lowest F1 first" : ""}`,
    header: ["class", "images", ...RATIOS.map(({ name }) => name), "AUC", "average precision"],
    rows: order.map((label) => {
      const { auc, averagePrecision } = ranking.classes[label]!;
      const one = perClass[label]!;
      return [
        one.label,
        count(one.support),
        ...RATIOS.map(({ key }) => percent(one[key], 1)),
        area(auc),
        area(averagePrecision),
      ];
    }),
    leftColumns: [0],
    notes: [
      RATIOS_NOTE,
      "AUC: area under the ROC curve, this class against the rest. Average precision: area under its precision-recall curve, as scikit-learn computes it.",
    ],
  };
}

/** The pairs of classes with the most confusions; without rows if there are none. */
export function pairsTable(metrics: ClassificationMetrics): Table {
  const pairs = mostConfusedPairs(metrics.confusion, { count: MAX_PAIRS });
  return {
    title: "Most confused pairs",
    header: PAIR_HEADER,
    rows: pairs.map(pairCells(metrics)),
    leftColumns: [0, 1],
    notes: [`The ${Math.min(MAX_PAIRS, pairs.length)} pairs with the most mistakes between them.`],
  };
}

/** How well confidence matches accuracy. */
export function runCalibrationTable({ accuracy, calibration, loss }: ClassificationMetrics): Table {
  return {
    title: "Calibration and loss",
    header: ["accuracy", "mean confidence", "ECE", "confidence minus accuracy", "loss"],
    rows: [
      [
        percent(accuracy),
        percent(accuracy + calibration.overconfidence),
        percent(calibration.error),
        points(calibration.overconfidence),
        loss.toFixed(4),
      ],
    ],
    leftColumns: [],
    notes: [
      `ECE: expected calibration error, the mean distance between confidence and accuracy over ${CALIBRATION_BINS} intervals of confidence. Confidence minus accuracy, in points: above 0 the model is over-confident, below 0 under-confident. Loss: cross entropy in nats.`,
    ],
  };
}

/** Every field of a recipe by its path, as `optimizer.momentum`. @param recipe as JSON */
export function configurationTable(recipe: Readonly<Record<string, unknown>>): Table {
  return {
    title: "Fields of the recipe",
    header: ["field", "value"],
    rows: fieldsOf(recipe),
    leftColumns: [0, 1],
    notes: ["Optional fields that are not listed are not used."],
  };
}

/** Path and value of each field; an empty object is `none`. */
export function fieldsOf(value: Readonly<Record<string, unknown>>, path: readonly string[] = []): [string, string][] {
  return Object.entries(value).flatMap(([name, inner]): [string, string][] => {
    const place = [...path, name];
    if (typeof inner !== "object" || inner === null) return [[place.join("."), String(inner)]];
    if (Array.isArray(inner)) return [[place.join("."), inner.join(", ")]];
    const fields = fieldsOf(inner as Record<string, unknown>, place);
    return fields.length === 0 ? [[place.join("."), "none"]] : fields;
  });
}
