import * as Plot from "@observablehq/plot";
import { count, percent, shortNumber } from "../text.ts";
import { AXIS, checkFinite, checkShare, checkSome, drawPlot, frame, GRID, type LegendItem } from "./figure.ts";
import { type Box, placeLabels, type Segment } from "./label-placement.ts";
import { type SvgDocument, type SvgElement, svg } from "./svg.ts";
import { textBlock, textWidth } from "./text.ts";
import { COLORS, FONT_PX, INK, MARGIN_PX } from "./theme.ts";

/** Origin of a point. De-duplicated data: the release of 31 August 2017, see docs/ladder.md. */
export type CostKind = "ours" | "study" | "published" | "published, de-duplicated data";

/** A network in a cost figure. */
export interface CostPoint {
  readonly name: string;
  /** Parameters, multiply-adds, ...: above 0. */
  readonly x: number;
  /** 0 to 1, as are `low` and `high`, the ends of its spread. */
  readonly accuracy: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  readonly kind: CostKind;
}

/**
 * Symbols and colours of the kinds. `r` is the radius of a circle of the same area, `reach` the extent of the symbol.
 */
export const COST_LOOK = {
  ours: { symbol: "star", stroke: INK.paper, fill: COLORS.vermillion, r: 5.5, reach: 8, text: COLORS.vermillion },
  study: { symbol: "square", stroke: INK.paper, fill: COLORS.blue, r: 5.5, reach: 5.5, text: COLORS.blue },
  published: { symbol: "circle", stroke: INK.quiet, fill: INK.paper, r: 4, reach: 5, text: INK.text },
  "published, de-duplicated data": {
    symbol: "triangle",
    stroke: INK.paper,
    fill: COLORS.green,
    r: 4.5,
    reach: 6.5,
    text: INK.text,
  },
} as const satisfies Record<CostKind, object>;

const KINDS = ["ours", "study", "published", "published, de-duplicated data"] as const;

export const FRONT_LOOK = { stroke: INK.quiet, strokeWidth: 1.25, strokeDasharray: "5 3" } as const;

/** Width of the symbols' outlines, which separate overlapping ones. */
export const SYMBOL_STROKE_PX = 1.25;

/** Legend of the kinds that occur, and of the Pareto front. */
export function costLegend(kinds: readonly CostKind[]): LegendItem[] {
  const items = KINDS.filter((kind) => kinds.includes(kind)).map((kind) => {
    const { symbol, stroke, fill, r } = COST_LOOK[kind];
    return { label: kind, marks: [Plot.dot([[0.5, 0.5]], { symbol, stroke, fill, r, strokeWidth: SYMBOL_STROKE_PX })] };
  });
  const corner = [
    [0, 0.1],
    [0.5, 0.1],
    [0.5, 0.9],
    [1, 0.9],
  ] as const;
  return [...items, { label: "best accuracy for the cost", marks: [Plot.line(corner, FRONT_LOOK)] }];
}

/** Sort order of points: kinds drawn in front come first. */
export function byKind(a: { readonly kind: CostKind }, b: { readonly kind: CostKind }): number {
  return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind);
}

export interface Cost {
  readonly title: string;
  readonly xLabel: string;
  readonly points: readonly CostPoint[];
  /** Note below the plot. */
  readonly note?: string | undefined;
}

const WIDTH_PX = 900;
const HEIGHT_PX = 540;
const INNER_PX = { left: 48, top: 30, right: WIDTH_PX - MARGIN_PX, bottom: HEIGHT_PX - 44 } as const;
/** Padding around the points, relative to their range. */
const AIR = { x: 0.09, y: 0.08 } as const;
/** Minimum ranges of the axes: 1 point of accuracy, a factor of 4 in cost. */
const LEAST = { accuracy: 0.01, factor: 4 } as const;

/**
 * Draws accuracy against cost, on a logarithmic axis, with the Pareto front of all points: the best accuracy at each
 * cost.
 *
 * @throws RangeError when there are no points or one cannot be drawn
 */
export function costFigure(document: SvgDocument, { title, xLabel, points, note }: Cost): SvgElement {
  checkSome(points, "points");
  for (const point of points) checkPoint(point);
  const [cheapest, dearest] = costDomain(points);
  const [worst, best] = accuracyDomain(points);
  const across = (x: number) =>
    INNER_PX.left + (Math.log(x / cheapest) / Math.log(dearest / cheapest)) * (INNER_PX.right - INNER_PX.left);
  const down = (accuracy: number) =>
    INNER_PX.bottom - ((accuracy - worst) / (best - worst)) * (INNER_PX.bottom - INNER_PX.top);

  const front = paretoFront(points);
  const steps = front.flatMap(({ x, accuracy }, i) => [
    ...(i === 0 ? [] : [{ x, accuracy: front[i - 1]!.accuracy }]),
    { x, accuracy },
  ]);
  const corners = [...steps, { x: dearest, accuracy: front.at(-1)!.accuracy }];
  const place = { x: "x", y: ({ accuracy }: { accuracy: number }) => 100 * accuracy };
  const plot = drawPlot(document, {
    width: WIDTH_PX,
    height: HEIGHT_PX,
    marginLeft: INNER_PX.left,
    marginTop: INNER_PX.top,
    marginRight: WIDTH_PX - INNER_PX.right,
    marginBottom: HEIGHT_PX - INNER_PX.bottom,
    x: { type: "log", domain: [cheapest, dearest] },
    y: { domain: [100 * worst, 100 * best] },
    marks: [
      Plot.gridY(GRID),
      Plot.axisX(logTicks(cheapest, dearest), {
        ...AXIS,
        text: shortNumber,
        label: xLabel,
        labelAnchor: "center",
      }),
      Plot.axisY({ ...AXIS, label: null }),
      Plot.line(corners, { ...place, ...FRONT_LOOK, ariaDescription: "front" }),
      ...[...points]
        .sort(byKind)
        .reverse()
        .flatMap((point) => pointMarks(point, place)),
    ],
  });
  plot.append(textBlock(document, ["accuracy, %"], { x: MARGIN_PX, y: 4, size: FONT_PX.small }));
  const lines = corners.slice(1).map((to, i) => {
    const from = corners[i]!;
    return {
      from: [across(from.x), down(from.accuracy)] as const,
      to: [across(to.x), down(to.accuracy)] as const,
    };
  });
  const names = costLabels(document, points, { bounds: INNER_PX, lines, across, down });
  plot.append(names.element);
  return frame(document, {
    title,
    legend: costLegend(points.map(({ kind }) => kind)),
    notes: [note, names.left.length > 0 ? `No room for these names: ${names.left.join(", ")}.` : undefined],
    width: WIDTH_PX,
    height: HEIGHT_PX,
    body: [plot],
  });
}

/** A short horizontal line, the cap of a spread. */
const CAP = {
  draw(context: { moveTo(x: number, y: number): void; lineTo(x: number, y: number): void }) {
    context.moveTo(-4, 0);
    context.lineTo(4, 0);
  },
};

function pointMarks(point: CostPoint, place: object): Plot.Markish[] {
  const { symbol, stroke, fill, r, text } = COST_LOOK[point.kind];
  const { low, high } = seedSpread(point);
  const ends = { x: "x", y1: () => 100 * low, y2: () => 100 * high, stroke: text, strokeWidth: 1.5 };
  const caps = { x: () => point.x, y: (end: number) => 100 * end, symbol: CAP, stroke: text, strokeWidth: 1.5 };
  return [
    low === high ? null : Plot.ruleX([point], { ...ends, ariaDescription: "spread" }),
    low === high ? null : Plot.dot([low, high], { ...caps, ariaDescription: "ends of spread" }),
    Plot.dot([point], {
      ...place,
      symbol,
      stroke,
      fill,
      r,
      strokeWidth: SYMBOL_STROKE_PX,
      ariaDescription: point.kind,
      title: explain,
    }),
  ];
}

/** Tooltip of a point. */
function explain({ name, x, accuracy, kind }: CostPoint): string {
  return `${name} (${kind}): ${percent(accuracy)}, ${count(x)}`;
}

function checkPoint(point: CostPoint): void {
  const { name, x, accuracy } = point;
  checkFinite(x, `the cost of ${name}`);
  if (x <= 0) throw new RangeError(`the cost of ${name} is ${x}; a logarithmic axis begins above 0`);
  const { low, high } = seedSpread(point);
  for (const value of [accuracy, low, high]) checkShare(value, `the accuracy of ${name}`);
  if (low > accuracy || high < accuracy) {
    throw new RangeError(`the accuracy of ${name} is ${accuracy}, outside its spread of ${low} to ${high}`);
  }
}

function costDomain(points: readonly CostPoint[]): readonly [number, number] {
  const logs = points.map(({ x }) => Math.log(x));
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const missing = Math.max(0, Math.log(LEAST.factor) - (high - low)) / 2;
  const air = AIR.x * (high - low) + missing;
  return [Math.exp(low - air), Math.exp(high + air)];
}

function accuracyDomain(points: readonly CostPoint[]): readonly [number, number] {
  const low = Math.min(...points.map((point) => seedSpread(point).low));
  const high = Math.max(...points.map((point) => seedSpread(point).high));
  const missing = Math.max(0, LEAST.accuracy - (high - low)) / 2;
  const air = AIR.y * (high - low) + missing;
  return [Math.max(0, low - air), Math.min(1, high + air)];
}

interface CostScene {
  /** Area for labels, in pixels. */
  readonly bounds: Box;
  /** The Pareto front, which labels may not cover. */
  readonly lines: readonly Segment[];
  /** Position in pixels from the left and from the top. */
  readonly across: (x: number) => number;
  readonly down: (accuracy: number) => number;
}

/** Distance between names and the edges of the plot. */
const EDGE_PX = 5;
const LETTER_HEIGHT_PX = FONT_PX.small * 1.1;
/** Half the width reserved for a spread's line. */
const SPREAD_PX = 3;

/** Labels points with their names; ours and the study's also with their accuracy. @returns names that do not fit */
export function costLabels(
  document: SvgDocument,
  points: readonly CostPoint[],
  { bounds, lines, across, down }: CostScene,
): { readonly element: SvgElement; readonly left: readonly string[] } {
  const labels = [...points].sort(byKind).map((point) => {
    const mine = isMine(point);
    const text = mine ? `${point.name} ${percent(point.accuracy)}` : point.name;
    const [x, y] = [across(point.x), down(point.accuracy)];
    const width = textWidth(text, FONT_PX.small, mine);
    return { text, point, mine, x, y, width, height: LETTER_HEIGHT_PX, radius: COST_LOOK[point.kind].reach };
  });
  const spreads = points.flatMap((point) => {
    const x = across(point.x);
    const { low, high } = seedSpread(point);
    return low === high ? [] : [{ left: x - SPREAD_PX, right: x + SPREAD_PX, top: down(high), bottom: down(low) }];
  });
  const room = {
    left: bounds.left + EDGE_PX,
    top: bounds.top + EDGE_PX,
    right: bounds.right - EDGE_PX,
    bottom: bounds.bottom - EDGE_PX,
  };
  const places = placeLabels(labels, { bounds: room, boxes: spreads, lines });
  const element = svg(document, "g", { "aria-label": "names" });
  for (const [i, { text, point, mine }] of labels.entries()) {
    const place = places[i];
    if (!place) continue;
    const { box, leader } = place;
    if (leader) {
      const [[x1, y1], [x2, y2]] = [leader.from, leader.to];
      element.append(svg(document, "line", { x1, y1, x2, y2, stroke: INK.quiet, "stroke-width": 0.75 }));
    }
    const style = { size: FONT_PX.small, color: COST_LOOK[point.kind].text, bold: mine, halo: true };
    element.append(textBlock(document, [text], { x: box.left, y: box.top - 0.5, ...style }));
  }
  return { element, left: labels.filter((_, i) => !places[i]).map(({ text }) => text) };
}

/** The ends of a point's spread; both equal its accuracy where it has none. */
export function seedSpread({ accuracy, low = accuracy, high = accuracy }: CostPoint): { low: number; high: number } {
  return { low, high };
}

function isMine({ kind }: CostPoint): boolean {
  return kind === "ours" || kind === "study";
}

/** Cost and accuracy of a point. */
interface Offer {
  readonly x: number;
  readonly accuracy: number;
}

/**
 * The Pareto-optimal points: no other point is at least as good in both x (lower is better) and accuracy and better in
 * one. Equal points do not dominate each other. Sorted by increasing x.
 */
export function paretoFront<Point extends Offer>(points: readonly Point[]): Point[] {
  const byCost = [...points].sort((a, b) => a.x - b.x || b.accuracy - a.accuracy);
  const front: Point[] = [];
  for (const point of byCost) {
    const best = front.at(-1);
    const equal = best?.x === point.x && best.accuracy === point.accuracy;
    if (!best || point.accuracy > best.accuracy || equal) front.push(point);
  }
  return front;
}

const MAX_TICKS = 12;
/** Multiples of powers of ten for ticks, from dense to sparse. */
const MULTIPLES = [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 5], [1, 3], [1]] as const;

/**
 * Round tick values from `low` to `high`, both above 0, for a logarithmic axis.
 *
 * @param fit whether all ticks fit; the first choice that fits is used, else the sparsest
 */
export function logTicks(
  low: number,
  high: number,
  fit: (ticks: readonly number[]) => boolean = (ticks) => ticks.length <= MAX_TICKS,
): number[] {
  const powers = Array.from(
    { length: Math.floor(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 },
    (_, i) => Math.floor(Math.log10(low)) + i,
  );
  const choices = MULTIPLES.map((multiples) =>
    powers
      .flatMap((power) => multiples.map((multiple) => Number(`${multiple}e${power}`)))
      .filter((tick) => tick >= low && tick <= high),
  );
  return choices.find(fit) ?? choices.toSorted((a, b) => a.length - b.length)[0]!;
}
