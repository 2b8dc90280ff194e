import { costFigure } from "../plots/cost.ts";
import { COSTS, ownPoint, publishedPoint, UNMARKED } from "./cost-points.ts";
import { drawn, type StudyFigure } from "./drawn-figure.ts";
import { LADDER } from "./ladder.ts";
import type { LadderEntry } from "./ladder-entry.ts";
import type { StudyReport } from "./report-data.ts";
import { isPublished } from "./result-tables.ts";

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
