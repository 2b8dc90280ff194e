import * as Plot from "@observablehq/plot";
import { signed } from "../text.ts";
import { AXIS, checkFinite, checkSome, drawPlot, frame, GRID } from "./figure.ts";
import type { SvgDocument, SvgElement } from "./svg.ts";
import { textBlock, widestText } from "./text.ts";
import { COLORS, FONT_PX, INK, MARGIN_PX } from "./theme.ts";

export interface DifferenceRow {
  readonly name: string;
  /** Difference of two fractions, so 0.0093 is shown as +0.93 points; `low` and `high` are the ends of its interval. */
  readonly difference: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  /** Text under the name, "5 seeds each" for example. */
  readonly note?: string | undefined;
}

export interface Differences {
  readonly title: string;
  /** With the unit: "Enhanced minus Base, points of test accuracy". */
  readonly xLabel: string;
  readonly rows: readonly DifferenceRow[];
  /** Note below the plot. */
  readonly note?: string | undefined;
}

const WIDTH_PX = 760;
const ROW_PX = 46;
const MARGINS_PX = { top: 8, bottom: 42 } as const;
const GAP_PX = 14;
/** Half the height of an interval's caps, in rows. */
const CAP_ROWS = 0.13;
/** Padding on both sides of the data, relative to their range; and the minimum range in points. */
const AIR = 0.08;
const MIN_RANGE_POINTS = 0.1;

/**
 * Draws a forest plot: differences in points with their intervals, and a line at zero. A difference whose interval
 * excludes zero has a filled point; others, and those without an interval, have a hollow one.
 *
 * @throws RangeError when there are no rows or a number cannot be drawn
 */
export function differenceFigure(document: SvgDocument, { title, xLabel, rows, note }: Differences): SvgElement {
  checkSome(rows, "differences");
  const lines = rows.map((row, at) => lineOf(row, at));
  const names = rows.map(({ name }) => name);
  const notes = rows.map((row) => row.note ?? "");
  const left = Math.max(widestText(names, FONT_PX.text, true), widestText(notes, FONT_PX.small));
  const right = widestText(
    lines.map(({ text }) => text),
    FONT_PX.text,
  );
  const height = MARGINS_PX.top + ROW_PX * rows.length + MARGINS_PX.bottom;
  const plot = drawPlot(document, {
    width: WIDTH_PX,
    height,
    marginLeft: Math.ceil(MARGIN_PX + left + GAP_PX),
    marginRight: Math.ceil(MARGIN_PX + right + GAP_PX),
    marginTop: MARGINS_PX.top,
    marginBottom: MARGINS_PX.bottom,
    x: { domain: domainOf(lines) },
    y: { domain: [rows.length - 0.5, -0.5], axis: null },
    marks: [
      Plot.gridX({ ...GRID, ticks: 6 }),
      Plot.axisX({ ...AXIS, ticks: 6, tickFormat: signedTick, label: xLabel, labelAnchor: "center" }),
      Plot.ruleX([0], { stroke: INK.text, strokeWidth: 1.25, ariaDescription: "zero" }),
      Plot.ruleY(lines.filter(hasInterval), {
        x1: "low",
        x2: "high",
        y: "at",
        stroke: COLORS.blue,
        strokeWidth: 2.5,
        ariaDescription: "intervals",
      }),
      ...(["low", "high"] as const).map((end) =>
        Plot.ruleX(lines.filter(hasInterval), {
          x: end,
          y1: ({ at }: Line) => at - CAP_ROWS,
          y2: ({ at }: Line) => at + CAP_ROWS,
          stroke: COLORS.blue,
          strokeWidth: 2,
          ariaDescription: `${end} ends`,
        }),
      ),
      Plot.dot(lines, {
        x: "difference",
        y: "at",
        r: 5.5,
        stroke: COLORS.blue,
        strokeWidth: 2,
        fill: (line: Line) => (hasInterval(line) && line.low * line.high > 0 ? COLORS.blue : INK.paper),
        ariaDescription: "differences",
      }),
    ],
  });

  const middle = (at: number) => MARGINS_PX.top + ROW_PX * (at + 0.5);
  for (const { at, name, note: under, text } of lines) {
    const y = middle(at) - (under === "" ? 0.64 : 1.1) * FONT_PX.text;
    plot.append(textBlock(document, [name], { x: MARGIN_PX, y, size: FONT_PX.text, bold: true }));
    const below = { x: MARGIN_PX, y: middle(at) + 4, size: FONT_PX.small, color: INK.quiet };
    if (under !== "") plot.append(textBlock(document, [under], below));
    const end = { x: WIDTH_PX - MARGIN_PX - right, y: middle(at) - 0.64 * FONT_PX.text, size: FONT_PX.text };
    plot.append(textBlock(document, [text], end));
  }
  return frame(document, { title, notes: [note], width: WIDTH_PX, height, body: [plot] });
}

/** A row in points, with its text. */
interface Line {
  readonly at: number;
  readonly name: string;
  readonly note: string;
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  readonly text: string;
}

function lineOf({ name, difference, low = difference, high = difference, note = "" }: DifferenceRow, at: number): Line {
  for (const value of [difference, low, high]) checkFinite(value, `the difference of ${name}`);
  if (low > difference || high < difference) {
    throw new RangeError(`the difference of ${name} is ${difference}, outside its interval of ${low} to ${high}`);
  }
  const points = { difference: 100 * difference, low: 100 * low, high: 100 * high };
  const interval = low === high ? "" : ` (${signed(points.low, 2)} to ${signed(points.high, 2)})`;
  return { at, name, note, ...points, text: `${signed(points.difference, 2)}${interval}` };
}

function hasInterval({ low, high }: Line): boolean {
  return low < high;
}

/** Range of the data and zero. */
function domainOf(lines: readonly Line[]): [number, number] {
  const low = Math.min(0, ...lines.map((line) => line.low));
  const high = Math.max(0, ...lines.map((line) => line.high));
  const air = AIR * Math.max(high - low, MIN_RANGE_POINTS);
  return [low - air, high + air];
}

function signedTick(points: number): string {
  return signed(points, Number.isInteger(points) ? 0 : Number.isInteger(Math.round(points * 1e6) / 1e5) ? 1 : 2);
}
