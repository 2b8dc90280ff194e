import { costFigure } from "../plots/cost.ts";
import type { CostPoint } from "../plots/cost-look.ts";
import { drawn, type StudyFigure } from "./drawn-figure.ts";
import { LADDER } from "./ladder.ts";
import type { LadderEntry } from "./ladder-entry.ts";
import type { ModelResult, StudyReport } from "./report-data.ts";
import { isPublished } from "./result-tables.ts";

const COSTS = [
  { key: "parameters", words: "parameters", xLabel: "parameters" },
  { key: "multiplyAdds", words: "multiply-adds", xLabel: "multiply-adds for one image, forward" },
] as const;

type CostKey = (typeof COSTS)[number]["key"];

/** Said of the published results in a figure. */
const UNMARKED =
  "What is not marked as de-duplicated data was measured, or may have been, on the release before 31 August 2017, which has other test images and some duplicates.";

/** Accuracy against what a network costs: published results whose cost is known, and ours. */
export function costFigures(
  { results, isFashionMnist }: StudyReport,
  ladder: readonly LadderEntry[] = isFashionMnist ? LADDER : [],
): StudyFigure[] {
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
        caption: `Test accuracy against ${xLabel}, on a logarithmic scale: up and to the left is better. Whiskers on ours: one standard deviation over seeds.${ladder.length > 0 ? ` ${UNMARKED}` : ""}`,
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
  const spread =
    standardDeviation === null
      ? {}
      : { low: Math.max(0, mean - standardDeviation), high: Math.min(1, mean + standardDeviation) };
  return [{ name, x, accuracy: mean, ...spread, kind: "ours" }];
}
