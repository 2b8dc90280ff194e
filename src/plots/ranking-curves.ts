import * as Plot from "@observablehq/plot";
import type { CurvePoint } from "../evaluation/ranking.ts";
import { AXIS, checkShare, checkSome, drawPlot, frame, GRID, type LegendItem } from "./figure.ts";
import type { SvgDocument, SvgElement } from "./svg.ts";
import { textBlock } from "./text.ts";
import { COLORS, FONT_PX, INK, MARGIN_PX } from "./theme.ts";

/** Curves of a ranking, each class against the rest. */
export interface RankingCurves {
  readonly title: string;
  readonly classes: readonly RankedClass[];
  /** Note below the plot. */
  readonly note?: string | undefined;
}

export interface RankedClass {
  readonly label: string;
  /** Area under its curve, 0 to 1. */
  readonly area: number;
  /** By increasing x; both shares, 0 to 1. */
  readonly points: readonly CurvePoint[];
}

const WIDTH_PX = 560;
const PLOT_PX = { height: 480, marginTop: 28, marginBottom: 44, marginLeft: 48, marginRight: 20 } as const;
const TICKS = [0, 20, 40, 60, 80, 100];
/** Points of a mean curve. */
const GRID_STEPS = 200;
/** Closer points are left out of the drawing: in percent, with few classes and with many. */
const DETAIL = { few: 0.5, many: 1, manyClasses: 20 } as const;

const LOOK = {
  each: { stroke: INK.quiet, strokeOpacity: 0.5, strokeWidth: 1 },
  lowest: { stroke: COLORS.vermillion, strokeDasharray: "7 4", strokeWidth: 1.75 },
  mean: { stroke: COLORS.blue, strokeWidth: 2.5 },
  chance: { stroke: INK.text, strokeDasharray: "2 4", strokeWidth: 1.25 },
} as const;

/**
 * Draws the receiver operating characteristic of each class, and their mean at each false positive rate. The class with
 * the smallest area is emphasized.
 *
 * @throws RangeError when there are no classes, or a value is no share
 */
export function rocFigure(document: SvgDocument, curves: RankingCurves): SvgElement {
  return rankingFigure(document, curves, {
    x: "false positive rate, %",
    y: "true positive rate, %",
    area: "AUC",
    curve: "linear",
    valueAt: lineAt,
    marks: [
      Plot.line(
        [
          [0, 0],
          [100, 100],
        ],
        { ...LOOK.chance, ariaDescription: "chance" },
      ),
    ],
    legend: [{ label: "chance", marks: [Plot.line(ACROSS, LOOK.chance)] }],
  });
}

/**
 * Draws precision against recall for each class as steps, whose area is the average precision, and the mean at each
 * recall. The class with the smallest area is emphasized.
 *
 * @throws RangeError when there are no classes, or a value is no share
 */
export function precisionRecallFigure(document: SvgDocument, curves: RankingCurves): SvgElement {
  return rankingFigure(document, curves, {
    x: "recall, %",
    y: "precision, %",
    area: "average precision",
    curve: "step-before",
    valueAt: stepAt,
    marks: [],
    legend: [],
  });
}

interface Kind {
  readonly x: string;
  readonly y: string;
  readonly area: string;
  readonly curve: "linear" | "step-before";
  /** The curve's value between its points. */
  readonly valueAt: (points: readonly CurvePoint[], x: number) => number;
  readonly marks: readonly Plot.Markish[];
  readonly legend: readonly LegendItem[];
}

function rankingFigure(document: SvgDocument, { title, classes, note }: RankingCurves, kind: Kind): SvgElement {
  checkSome(classes, "classes");
  for (const { label, area, points } of classes) {
    checkSome(points, `points of ${label}`);
    checkShare(area, `the area of ${label}`);
    for (const { x, y } of points) {
      checkShare(x, `a point of ${label}`);
      checkShare(y, `a point of ${label}`);
    }
  }
  const lowest = classes.reduce((least, one) => (one.area < least.area ? one : least));
  const mean = classes.reduce((sum, { area }) => sum + area, 0) / classes.length;
  const detail = classes.length > DETAIL.manyClasses ? DETAIL.many : DETAIL.few;
  const line = (points: readonly CurvePoint[], look: object, ariaDescription: string) =>
    Plot.line(thinned(points.map(inPercent), detail), { x: "x", y: "y", curve: kind.curve, ...look, ariaDescription });
  const plot = drawPlot(document, {
    width: WIDTH_PX,
    ...PLOT_PX,
    x: { domain: [0, 100] },
    y: { domain: [0, 100] },
    marks: [
      Plot.gridX(TICKS, GRID),
      Plot.gridY(TICKS, GRID),
      Plot.axisX(TICKS, { ...AXIS, label: kind.x, labelAnchor: "center" }),
      Plot.axisY(TICKS, { ...AXIS, label: null }),
      ...kind.marks,
      ...classes.filter((one) => one !== lowest).map(({ points, label }) => line(points, LOOK.each, label)),
      line(lowest.points, LOOK.lowest, `lowest: ${lowest.label}`),
      ...(classes.length > 1 ? [line(meanCurve(classes, kind), LOOK.mean, "mean")] : []),
    ],
  });
  plot.append(textBlock(document, [kind.y], { x: MARGIN_PX, y: 4, size: FONT_PX.small }));
  const several: LegendItem[] = [
    { label: `mean of the classes, ${kind.area} ${mean.toFixed(4)}`, marks: [Plot.line(ACROSS, LOOK.mean)] },
    { label: "each class", marks: [Plot.line(ACROSS, LOOK.each)] },
  ];
  return frame(document, {
    title,
    legend: [
      ...(classes.length > 1 ? several : []),
      {
        label: `${classes.length > 1 ? "lowest: " : ""}${lowest.label}, ${lowest.area.toFixed(4)}`,
        marks: [Plot.line(ACROSS, LOOK.lowest)],
      },
      ...kind.legend,
    ],
    notes: [note],
    width: WIDTH_PX,
    height: PLOT_PX.height,
    body: [plot],
  });
}

const ACROSS = [
  [0, 0.5],
  [1, 0.5],
] as const;

function inPercent({ x, y }: CurvePoint): CurvePoint {
  return { x: 100 * x, y: 100 * y };
}

/** Without points that lie closer to the one before than `detail` in both directions; the last one stays. */
function thinned(points: readonly CurvePoint[], detail: number): CurvePoint[] {
  const kept: CurvePoint[] = [];
  for (const [i, point] of points.entries()) {
    const before = kept.at(-1);
    const isFar = !before || Math.abs(point.x - before.x) >= detail || Math.abs(point.y - before.y) >= detail;
    if (isFar || i === points.length - 1) kept.push(point);
  }
  return kept;
}

/** The mean of the classes' values at equally spaced x. */
function meanCurve(classes: readonly RankedClass[], { valueAt }: Kind): CurvePoint[] {
  const starts = classes.map(({ points }) => points[0]!.y);
  const start = { x: 0, y: starts.reduce((sum, y) => sum + y, 0) / starts.length };
  const rest = Array.from({ length: GRID_STEPS + 1 }, (_, i) => {
    const x = i / GRID_STEPS;
    return { x, y: classes.reduce((sum, { points }) => sum + valueAt(points, x), 0) / classes.length };
  });
  return [start, ...rest];
}

/** Between points on straight lines; at a vertical part its upper end. */
function lineAt(points: readonly CurvePoint[], x: number): number {
  const after = firstIndex(points, (point) => point.x > x);
  const before = points[after - 1]!;
  const next = points[after];
  return next ? before.y + ((x - before.x) / (next.x - before.x)) * (next.y - before.y) : before.y;
}

/** The value of the first point at least that far right. */
function stepAt(points: readonly CurvePoint[], x: number): number {
  return (points[firstIndex(points, (point) => point.x >= x && point.x > 0)] ?? points.at(-1)!).y;
}

/** Binary search in points for which `isPast` is false up to an index and true from there on. */
function firstIndex(points: readonly CurvePoint[], isPast: (point: CurvePoint) => boolean): number {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isPast(points[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
