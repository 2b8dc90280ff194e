import * as Plot from "@observablehq/plot";
import { logTicks } from "./cost.ts";
import type { LegendItem } from "./figure.ts";
import { AXIS, checkShare, checkSome, drawPlot, frame, GRID, moved } from "./figure.ts";
import type { SvgDocument, SvgElement } from "./svg.ts";
import { textWidth } from "./text.ts";
import { COLORS, FONT_PX, INK } from "./theme.ts";

/** The best candidate, others of the last rung, and those eliminated earlier. */
export type SweepPointKind = "best" | "last rung" | "earlier rung";

export interface SweepPoint {
  /** The field's value: a number for a range, else text. */
  readonly x: number | string;
  /** 0 to 1. */
  readonly accuracy: number;
  /** Over the seeds, drawn to both sides; null for one seed. */
  readonly standardDeviation: number | null;
  readonly kind: SweepPointKind;
}

export interface SweepPanel {
  readonly field: string;
  /** The values in order; omitted for a range, whose axis is logarithmic. */
  readonly values?: readonly string[] | undefined;
  readonly points: readonly SweepPoint[];
}

export interface SweepFigure {
  readonly title: string;
  /** One panel per varied field, with the candidates that have it. */
  readonly panels: readonly SweepPanel[];
  /** Note below the plot. */
  readonly note?: string | undefined;
}

const COLUMN_PX = 380;
const ROW_PX = 300;
const MAX_COLUMNS = 3;
const PANEL_PX = {
  width: COLUMN_PX,
  height: ROW_PX,
  marginLeft: 70,
  marginRight: 18,
  marginTop: 12,
  marginBottom: 44,
} as const;
/** Padding above and below the points, relative to their range; and the minimum range in percent. */
const AIR = 0.06;
const MIN_RANGE_PERCENT = 0.5;

/** In drawing order, so that the best is on top. */
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
 * Draws validation accuracy against each varied field. It shows how much a field matters, and whether its best value is
 * at the edge of the search space.
 *
 * @throws RangeError when there is nothing to draw or a number cannot be drawn
 */
export function sweepFigure(document: SvgDocument, { title, panels, note }: SweepFigure): SvgElement {
  checkSome(panels, "fields");
  const points = panels.flatMap((panel) => panel.points);
  checkSome(points, "candidates");
  for (const { accuracy } of points) checkShare(accuracy, "an accuracy");
  const domain = domainOf(points);
  const columns = Math.min(MAX_COLUMNS, panels.length);
  const kinds = (["best", "last rung", "earlier rung"] as const).filter((kind) =>
    points.some((point) => point.kind === kind),
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
  const ticks = values ?? rangeTicks(points.map(({ x }) => Number(x)));
  const kinds = Object.keys(LOOKS) as SweepPointKind[];
  return drawPlot(document, {
    ...PANEL_PX,
    x: scale,
    y: { domain },
    marks: [
      Plot.gridY({ ...GRID, ticks: 6 }),
      // As text: the default format of a logarithmic axis omits some labels.
      Plot.axisX(ticks, { ...AXIS, text: String, label: field, labelAnchor: "center" }),
      Plot.axisY({ ...AXIS, ticks: 6, label: "validation accuracy, %", labelAnchor: "center" }),
      Plot.ruleX(
        points.filter(({ standardDeviation }) => standardDeviation !== null),
        {
          x: "x",
          y1: (point: SweepPoint) => ends(point)[0],
          y2: (point: SweepPoint) => ends(point)[1],
          stroke: INK.quiet,
        },
      ),
      ...kinds.map((kind) =>
        Plot.dot(
          points.filter((point) => point.kind === kind),
          { x: "x", y: ({ accuracy }: SweepPoint) => 100 * accuracy, ...LOOKS[kind], ariaDescription: kind },
        ),
      ),
    ],
  });
}

/** Ticks whose labels do not overlap. */
function rangeTicks(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const width = PANEL_PX.width - PANEL_PX.marginLeft - PANEL_PX.marginRight;
  const edges = (tick: number) => {
    const at = (width * Math.log(tick / low)) / Math.log(high / low);
    const half = (textWidth(String(tick), FONT_PX.small) + FONT_PX.small) / 2;
    return { left: at - half, right: at + half };
  };
  const isClear = (ticks: readonly number[]) =>
    ticks.slice(1).every((tick, i) => edges(ticks[i]!).right <= edges(tick).left);
  const ticks = logTicks(low, high, isClear);
  // There may be no round numbers in the range, between 0.9 and 0.99 for example.
  return ticks.length >= 2 ? ticks : [...new Set([low, high])];
}

/** In percent: one standard deviation to both sides, clamped to 0..100. */
function ends({ accuracy, standardDeviation }: SweepPoint): [number, number] {
  const deviation = standardDeviation ?? 0;
  return [100 * Math.max(0, accuracy - deviation), 100 * Math.min(1, accuracy + deviation)];
}

/** The range of all points, in percent. */
function domainOf(points: readonly SweepPoint[]): [number, number] {
  const [low, high] = [
    Math.min(...points.map((point) => ends(point)[0])),
    Math.max(...points.map((point) => ends(point)[1])),
  ];
  const air = AIR * Math.max(high - low, MIN_RANGE_PERCENT);
  return [low - air, Math.min(100, high + air)];
}
