import * as Plot from "@observablehq/plot";
import { checkShare, checkSome } from "./checks.ts";
import type { SvgDocument, SvgElement } from "./dom.ts";
import { AXIS, drawPlot, GRID, moved } from "./draw-plot.ts";
import { frame } from "./frame.ts";
import type { LegendItem } from "./legend.ts";
import { logTicks } from "./log-ticks.ts";
import { COLORS, INK } from "./theme.ts";

/** The best candidate, the others that were trained as long, and those that were left out before. */
export type SweepPointKind = "best" | "last rung" | "earlier rung";

export interface SweepPoint {
  /** The field's value: a number where the field has a range, else its text. */
  readonly x: number | string;
  /** 0 to 1. */
  readonly accuracy: number;
  readonly kind: SweepPointKind;
}

export interface SweepPanel {
  readonly field: string;
  /** The values in their order; left out for a field with a range, whose axis is logarithmic. */
  readonly values?: readonly string[] | undefined;
  readonly points: readonly SweepPoint[];
}

export interface SweepFigure {
  readonly title: string;
  /** A panel for each field that was varied, all with the same points. */
  readonly panels: readonly SweepPanel[];
  /** Said below the picture. */
  readonly note?: string | undefined;
}

const COLUMN_PX = 380;
const ROW_PX = 300;
const MOST_COLUMNS = 3;
const PANEL_PX = {
  width: COLUMN_PX,
  height: ROW_PX,
  marginLeft: 70,
  marginRight: 18,
  marginTop: 12,
  marginBottom: 44,
} as const;
/** Air above and below the points, of their range; and the least range in percent. */
const AIR = 0.06;
const LEAST_RANGE_PERCENT = 0.5;

/** Drawn in this order, so that the best lies on top. */
const LOOKS = {
  "earlier rung": { stroke: INK.quiet, fill: INK.paper, symbol: "circle", r: 3.5 },
  "last rung": { stroke: COLORS.blue, fill: COLORS.blue, symbol: "circle", r: 4 },
  best: { stroke: COLORS.vermillion, fill: COLORS.vermillion, symbol: "diamond2", r: 6.5 },
} as const satisfies Record<SweepPointKind, object>;
const LEGEND_LABELS: Readonly<Record<SweepPointKind, string>> = {
  "earlier rung": "trained for fewer epochs",
  "last rung": "trained to the end",
  best: "the best",
};

/**
 * Validation accuracy against each field that was varied: how much a field matters, and whether its best value lies at the
 * end of what was tried.
 *
 * @throws RangeError when there is nothing to draw or a number cannot be drawn
 */
export function sweepFigure(document: SvgDocument, { title, panels, note }: SweepFigure): SvgElement {
  checkSome(panels, "fields");
  const accuracies = panels.flatMap(({ points }) => points.map(({ accuracy }) => accuracy));
  checkSome(accuracies, "candidates");
  for (const accuracy of accuracies) checkShare(accuracy, "an accuracy");
  const domain = domainOf(accuracies);
  const columns = Math.min(MOST_COLUMNS, panels.length);
  const kinds = (["best", "last rung", "earlier rung"] as const).filter((kind) =>
    panels[0]!.points.some((point) => point.kind === kind),
  );
  return frame(document, {
    title,
    legend: kinds.map(legendItem),
    notes: [note],
    width: Math.max(2 * COLUMN_PX, columns * COLUMN_PX),
    height: Math.ceil(panels.length / columns) * ROW_PX,
    body: panels.map((panel, i) =>
      moved(document, panelOf(document, panel, domain), (i % columns) * COLUMN_PX, Math.floor(i / columns) * ROW_PX),
    ),
  });
}

function legendItem(kind: SweepPointKind): LegendItem {
  return { label: LEGEND_LABELS[kind], marks: [Plot.dot([[0.5, 0.5]], LOOKS[kind])] };
}

function panelOf(document: SvgDocument, { field, values, points }: SweepPanel, domain: [number, number]): SvgElement {
  const scale = values ? { type: "point" as const, domain: values, padding: 0.4 } : { type: "log" as const };
  const numbers = points.map(({ x }) => Number(x));
  const ticks = values ?? logTicks(Math.min(...numbers), Math.max(...numbers));
  const kinds = Object.keys(LOOKS) as SweepPointKind[];
  return drawPlot(document, {
    ...PANEL_PX,
    x: scale,
    y: { domain },
    marks: [
      Plot.gridY({ ...GRID, ticks: 6 }),
      Plot.axisX({ ...AXIS, ticks, tickFormat: String, label: field, labelAnchor: "center" }),
      Plot.axisY({ ...AXIS, ticks: 6, label: "validation accuracy, %", labelAnchor: "center" }),
      ...kinds.map((kind) =>
        Plot.dot(
          points.filter((point) => point.kind === kind),
          { x: "x", y: ({ accuracy }: SweepPoint) => 100 * accuracy, ...LOOKS[kind], ariaDescription: kind },
        ),
      ),
    ],
  });
}

/** In percent, of all points. */
function domainOf(accuracies: readonly number[]): [number, number] {
  const [low, high] = [100 * Math.min(...accuracies), 100 * Math.max(...accuracies)];
  const air = AIR * Math.max(high - low, LEAST_RANGE_PERCENT);
  return [low - air, Math.min(100, high + air)];
}
