import * as Plot from "@observablehq/plot";
import { count, percent, shortNumber } from "../numbers.ts";
import { checkFinite, checkShare, checkSome } from "./checks.ts";
import { costLabels, spreadOf } from "./cost-labels.ts";
import { byKind, COST_LOOK, type CostPoint, costLegend, FRONT_LOOK, SYMBOL_STROKE_PX } from "./cost-look.ts";
import type { SvgDocument, SvgElement } from "./dom.ts";
import { AXIS, drawPlot, GRID } from "./draw-plot.ts";
import { frame } from "./frame.ts";
import { logTicks } from "./log-ticks.ts";
import { paretoFront } from "./pareto-front.ts";
import { textBlock } from "./text-block.ts";
import { FONT_PX, MARGIN_PX } from "./theme.ts";

export interface Cost {
  readonly title: string;
  readonly xLabel: string;
  readonly points: readonly CostPoint[];
  /** Said below the picture. */
  readonly note?: string | undefined;
}

const WIDTH_PX = 900;
const HEIGHT_PX = 540;
const INNER_PX = { left: 48, top: 30, right: WIDTH_PX - MARGIN_PX, bottom: HEIGHT_PX - 44 } as const;
/** Air round the points, of their range. */
const AIR = { x: 0.09, y: 0.08 } as const;
/** The least ranges: 1 point of accuracy, a factor of 4. */
const LEAST = { accuracy: 0.01, factor: 4 } as const;

/**
 * Accuracy against what it costs, on a logarithmic axis, with the Pareto front of all points: the best accuracy that
 * each cost buys.
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

/** A short level line, as wide as a spread's end. */
const CAP = {
  draw(context: { moveTo(x: number, y: number): void; lineTo(x: number, y: number): void }) {
    context.moveTo(-4, 0);
    context.lineTo(4, 0);
  },
};

function pointMarks(point: CostPoint, place: object): Plot.Markish[] {
  const { symbol, stroke, fill, r, text } = COST_LOOK[point.kind];
  const { low, high } = spreadOf(point);
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

/** Shown while pointing at a point. */
function explain({ name, x, accuracy, kind }: CostPoint): string {
  return `${name} (${kind}): ${percent(accuracy)}, ${count(x)}`;
}

function checkPoint(point: CostPoint): void {
  const { name, x, accuracy } = point;
  checkFinite(x, `the cost of ${name}`);
  if (x <= 0) throw new RangeError(`the cost of ${name} is ${x}; a logarithmic axis begins above 0`);
  const { low, high } = spreadOf(point);
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
  const low = Math.min(...points.map((point) => spreadOf(point).low));
  const high = Math.max(...points.map((point) => spreadOf(point).high));
  const missing = Math.max(0, LEAST.accuracy - (high - low)) / 2;
  const air = AIR.y * (high - low) + missing;
  return [Math.max(0, low - air), Math.min(1, high + air)];
}
