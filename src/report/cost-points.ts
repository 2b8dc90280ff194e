import type { CostPoint } from "../plots/cost.ts";
import type { LadderEntry } from "./ladder/entry.ts";
import type { RaceEntry } from "./race.ts";
import type { ModelResult } from "./report-data.ts";

/** Measures of a network's cost, each with its own figure. */
export const COSTS = [
  { key: "parameters", words: "parameters", xLabel: "parameters" },
  { key: "multiplyAdds", words: "multiply-adds", xLabel: "multiply-adds for one image, forward" },
] as const;

export type CostKey = (typeof COSTS)[number]["key"];

/** Note on the published results in a figure. */
export const UNMARKED =
  "What is not marked as de-duplicated data was measured, or may have been, on the release before 31 August 2017, which has other test images and some duplicates.";

/** A published result as a point of accuracy and cost; none where either is unknown. */
export function publishedPoint({ name, claimed, clean, kind, ...costs }: LadderEntry, key: CostKey): CostPoint[] {
  const accuracy = clean ?? claimed;
  const x = costs[key];
  if (x === null || accuracy === null) return [];
  if (kind === "study") return [{ name, x, accuracy, kind }];
  return [{ name, x, accuracy, kind: clean === null ? "published" : "published, de-duplicated data" }];
}

/** One of our results with its spread over seeds; none where its cost is unknown. */
export function ownPoint(
  { name, accuracy: { mean, standardDeviation }, ...costs }: Pick<ModelResult, "name" | "accuracy" | CostKey>,
  key: CostKey,
): CostPoint[] {
  const x = costs[key];
  if (x === null) return [];
  const spread =
    standardDeviation === null
      ? {}
      : { low: Math.max(0, mean - standardDeviation), high: Math.min(1, mean + standardDeviation) };
  return [{ name, x, accuracy: mean, ...spread, kind: "ours" }];
}

/** The races of the board that count, as points of test accuracy and base epochs. */
export function racePoints(entries: readonly RaceEntry[]): CostPoint[] {
  return entries.flatMap(({ row, problem }): CostPoint[] => {
    if (!row || problem !== null) return [];
    const { recipe, baseEpochs, accuracy } = row;
    const { mean } = accuracy;
    const deviation = accuracy.standardDeviation ?? 0;
    return [
      { name: recipe, x: baseEpochs, accuracy: mean, low: mean - deviation, high: mean + deviation, kind: "ours" },
    ];
  });
}
