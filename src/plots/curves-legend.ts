import * as Plot from "@observablehq/plot";
import { CURVE_LOOK, SEED_POINT_PX } from "./curves-panel.ts";
import type { LegendItem } from "./legend.ts";
import { INK } from "./theme.ts";
import type { CurveSeries } from "./training-curves.ts";

const ACROSS = [
  [0, 0.5],
  [1, 0.5],
] as const;

/** What dashes, thin lines and shading mean in the curves of one model or several. */
export function curvesLegend(models: readonly (readonly CurveSeries[])[]): LegendItem[] {
  const seeds = models.map((series) => series[0]?.runs.length ?? 0);
  const most = Math.max(...seeds);
  const count = seeds.every((n) => n === most) ? `${most}` : seeds.join(" and ");
  const validated = models.some((series) => series.length > 1);
  const drawsLines = models.some((series) => series.some(({ runs }) => runs.some((run) => run.length > 1)));
  const seedMarks = [0.25, 0.5, 0.75].map((y) =>
    drawsLines
      ? Plot.ruleY([y], { stroke: INK.quiet, strokeWidth: 1 })
      : Plot.dot([[y, 0.5]], { stroke: INK.quiet, r: SEED_POINT_PX }),
  );
  const items: (LegendItem | undefined)[] = [
    { label: "training images", marks: keyOf("train") },
    validated ? { label: "validation images", marks: keyOf("validation") } : undefined,
    validated && drawsLines
      ? { label: "gap between them", marks: [Plot.frame({ fill: INK.quiet, fillOpacity: 0.15, stroke: "none" })] }
      : undefined,
    most > 1
      ? { label: `each of ${count} seeds; ${drawsLines ? "bold" : "large"}: mean`, marks: seedMarks }
      : undefined,
  ];
  return items.filter((item) => item !== undefined);
}

function keyOf(of: "train" | "validation"): Plot.Markish[] {
  const { stroke, strokeDasharray, pointFill } = CURVE_LOOK[of];
  return [
    Plot.line(ACROSS, { stroke, strokeDasharray, strokeWidth: 2.25 }),
    Plot.dot([[0.5, 0.5]], { stroke, fill: pointFill, r: 3 }),
  ];
}
