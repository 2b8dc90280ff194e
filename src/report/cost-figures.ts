import { type CostPoint, costFigure } from "../plots/cost.ts";
import { drawn, type StudyFigure } from "./drawn-figure.ts";
import { LADDER, type LadderEntry } from "./ladder.ts";
import type { ModelResult, StudyReport } from "./report-data.ts";
import { isPublished } from "./result-tables.ts";

const COSTS = [
  { key: "parameters", words: "parameters", xLabel: "parameters" },
  { key: "multiplyAdds", words: "multiply-adds", xLabel: "multiply-adds for one image, forward" },
] as const;

type CostKey = (typeof COSTS)[number]["key"];

/** Accuracy against what a network costs: published results whose cost is known, and ours. */
export function costFigures({ results }: StudyReport, ladder: readonly LadderEntry[] = LADDER): StudyFigure[] {
  return COSTS.map(({ key, words, xLabel }) => {
    const title = `Test accuracy and ${words}`;
    const points = [
      ...ladder.flatMap((entry) => publishedPoint(entry, key)),
      ...results.filter((result) => !isPublished(result)).flatMap((result) => ownPoint(result, key)),
    ];
    return drawn(
      costFigure,
      { title, xLabel, points },
      {
        name: `accuracy-${words}`,
        title,
        caption: `Test accuracy against ${xLabel}, on a logarithmic scale: up and to the left is better. Whiskers on ours: one standard deviation over seeds. What is not marked as de-duplicated data was measured, or may have been, on the release before 31 August 2017, which has other test images and some duplicates.`,
        section: "cost",
      },
    );
  });
}

function publishedPoint({ name, claimed, clean, kind, ...costs }: LadderEntry, key: CostKey): CostPoint[] {
  const accuracy = clean ?? claimed;
  const x = costs[key];
  if (x === null || accuracy === null) return [];
  if (kind === "study") return [{ name, x, accuracy, kind }];
  return [{ name, x, accuracy, kind: clean === null ? "published" : "published, de-duplicated data" }];
}

function ownPoint({ name, accuracy: { mean, standardDeviation }, ...costs }: ModelResult, key: CostKey): CostPoint[] {
  const x = costs[key];
  if (x === null) return [];
  const spread = standardDeviation === null ? {} : { low: mean - standardDeviation, high: mean + standardDeviation };
  return [{ name, x, accuracy: mean, ...spread, kind: "ours" }];
}
