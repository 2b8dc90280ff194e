import * as Plot from "@observablehq/plot";
import { CALIBRATION_BINS, type CalibrationBin } from "../evaluation/calibration.ts";
import { count, percent } from "../text.ts";
import { AXIS, checkCount, checkShare, checkSome, drawPlot, frame, GRID, type LegendItem, moved } from "./figure.ts";
import type { SvgDocument, SvgElement } from "./svg.ts";
import { textBlock } from "./text.ts";
import { COLORS, FONT_PX, INK, MARGIN_PX } from "./theme.ts";

export interface Reliability {
  readonly title: string;
  /** Predictions by confidence, in intervals of equal width from 0 to 1; empty intervals may be omitted. */
  readonly bins: readonly CalibrationBin[];
  /** Number of intervals from 0 to 1. Default: as in `calibrationOf`. */
  readonly intervals?: number | undefined;
  /** Expected calibration error, 0 to 1. */
  readonly calibrationError: number;
  /** Note below the plot. */
  readonly note?: string | undefined;
}

const WIDTH_PX = 560;
const DIAGRAM_PX = { height: 470, marginTop: 28, marginBottom: 24, marginLeft: 48, marginRight: 20 } as const;
const HISTOGRAM_PX = { ...DIAGRAM_PX, height: 150, marginTop: 28, marginBottom: 40 } as const;
const TICKS = [0, 20, 40, 60, 80, 100];

const LOOK = {
  accuracy: { fill: COLORS.skyBlue, fillOpacity: 0.75, stroke: COLORS.blue, strokeWidth: 0.75 },
  tooSure: { fill: COLORS.vermillion, fillOpacity: 0.35, stroke: COLORS.vermillion, strokeWidth: 0.75 },
  tooModest: { fill: COLORS.green, fillOpacity: 0.5, stroke: COLORS.green, strokeWidth: 1, strokeDasharray: "3 2" },
  diagonal: { stroke: INK.text, strokeDasharray: "6 4", strokeWidth: 1.25 },
} as const;

/**
 * Draws a reliability diagram: accuracy against confidence, with bars on the diagonal for perfect calibration; below, a
 * histogram of the confidences.
 *
 * @throws RangeError when there are no predictions, or a bin does not match an interval
 */
export function reliabilityFigure(
  document: SvgDocument,
  { title, bins, intervals = CALIBRATION_BINS, calibrationError, note }: Reliability,
): SvgElement {
  checkShare(calibrationError, "the calibration error");
  const bars = reliabilityBars(bins, intervals);
  const tooSure = bars.filter(({ accuracy, confidence }) => accuracy < confidence);
  const tooModest = bars.filter(({ accuracy, confidence }) => accuracy > confidence);
  const sides = { x1: "from", x2: "to", insetLeft: 0.75, insetRight: 0.75, title: explain } as const;
  const gap = { ...sides, y1: "accuracy", y2: "confidence" } as const;
  const corners = [
    [0, 0],
    [100, 100],
  ] as const;
  const diagram = drawPlot(document, {
    width: WIDTH_PX,
    ...DIAGRAM_PX,
    x: { domain: [0, 100] },
    y: { domain: [0, 100] },
    marks: [
      Plot.gridY(TICKS, GRID),
      Plot.axisX(TICKS, { ...AXIS, label: null }),
      Plot.axisY(TICKS, { ...AXIS, label: null }),
      Plot.rectY(bars, { ...sides, y1: 0, y2: "accuracy", ...LOOK.accuracy, ariaDescription: "accuracy" }),
      Plot.rectY(tooSure, { ...gap, ...LOOK.tooSure, ariaDescription: "too sure" }),
      Plot.rectY(tooModest, { ...gap, ...LOOK.tooModest, ariaDescription: "not sure enough" }),
      Plot.line(corners, { ...LOOK.diagonal, ariaDescription: "diagonal" }),
    ],
  });
  const histogram = drawPlot(document, {
    width: WIDTH_PX,
    ...HISTOGRAM_PX,
    x: { domain: [0, 100] },
    y: { domain: [0, Math.max(...bars.map(({ share }) => share))], nice: 3 },
    marks: [
      Plot.gridY({ ...GRID, ticks: 3 }),
      Plot.axisX(TICKS, { ...AXIS, label: "confidence, %", labelAnchor: "center" }),
      Plot.axisY({ ...AXIS, ticks: 3, label: null }),
      Plot.rectY(bars, { ...sides, y1: 0, y2: "share", fill: INK.quiet, ariaDescription: "share" }),
    ],
  });

  const axisLabel = { x: MARGIN_PX, y: 4, size: FONT_PX.small } as const;
  const answers = bars.reduce((sum, { count }) => sum + count, 0);
  diagram.append(textBlock(document, ["accuracy, %"], axisLabel));
  histogram.append(textBlock(document, [`share of the ${count(answers)} answers, %`], axisLabel));
  return frame(document, {
    title,
    subtitle: `expected calibration error ${percent(calibrationError)}`,
    legend: legendOf(tooSure.length > 0, tooModest.length > 0),
    notes: [note],
    width: WIDTH_PX,
    height: DIAGRAM_PX.height + HISTOGRAM_PX.height,
    body: [diagram, moved(document, histogram, 0, DIAGRAM_PX.height)],
  });
}

function legendOf(tooSure: boolean, tooModest: boolean): LegendItem[] {
  const corners = [
    [0, 0],
    [1, 1],
  ] as const;
  return [
    { label: "share of right answers", marks: [Plot.frame(LOOK.accuracy)] },
    ...(tooSure ? [{ label: "over-confident", marks: [Plot.frame(LOOK.tooSure)] }] : []),
    ...(tooModest ? [{ label: "under-confident", marks: [Plot.frame(LOOK.tooModest)] }] : []),
    { label: "perfectly calibrated", marks: [Plot.line(corners, LOOK.diagonal)] },
  ];
}

/** Tooltip of a bar. */
function explain({ from, to, confidence, accuracy, count: answers }: ReliabilityBar): string {
  const range = `confidence ${from.toFixed(1)} to ${to.toFixed(1)} %, ${confidence.toFixed(2)} % on average`;
  return `${range}: ${accuracy.toFixed(2)} % of ${count(answers)} right`;
}

/** A bin as it is drawn, in percent. */
export interface ReliabilityBar {
  /** Ends of its interval. */
  readonly from: number;
  readonly to: number;
  readonly confidence: number;
  readonly accuracy: number;
  /** Share of all predictions. */
  readonly share: number;
  readonly count: number;
}

/** Tolerance for rounding in means on an edge. */
const EDGE_TOLERANCE = 1e-9;

/**
 * The non-empty bins, each with its interval: 0 to 1 is divided into `intervals` of equal width, and a confidence on an
 * edge belongs to the interval below.
 *
 * @throws RangeError when all bins are empty, two are in one interval, or a value is out of range
 */
export function reliabilityBars(bins: readonly CalibrationBin[], intervals: number): ReliabilityBar[] {
  if (!(Number.isInteger(intervals) && intervals > 0)) throw new RangeError(`${intervals} intervals of confidence`);
  for (const [i, { count }] of bins.entries()) checkCount(count, `the number of answers in bin ${i}`);
  const filled = bins.filter(({ count }) => count > 0);
  checkSome(filled, "answers");
  const answers = filled.reduce((sum, { count }) => sum + count, 0);
  const taken = new Set<number>();
  return filled.map(({ confidence, accuracy, count }) => {
    checkShare(confidence, "the confidence of a bin");
    checkShare(accuracy, `the accuracy at confidence ${confidence}`);
    const interval = Math.max(0, Math.ceil(confidence * intervals - EDGE_TOLERANCE) - 1);
    if (taken.has(interval)) {
      throw new RangeError(`two bins lie in the same of ${intervals} equal intervals, at confidence ${confidence}`);
    }
    taken.add(interval);
    return {
      from: (100 * interval) / intervals,
      to: (100 * (interval + 1)) / intervals,
      confidence: 100 * confidence,
      accuracy: 100 * accuracy,
      share: (100 * count) / answers,
      count,
    };
  });
}
