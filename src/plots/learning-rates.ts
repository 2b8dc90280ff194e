import * as Plot from "@observablehq/plot";
import { logTicks } from "./cost.ts";
import { AXIS, checkFinite, checkSome, drawPlot, frame, GRID } from "./figure.ts";
import type { SvgDocument, SvgElement } from "./svg.ts";
import { textBlock } from "./text.ts";
import { COLORS, FONT_PX, INK, MARGIN_PX } from "./theme.ts";

export interface LearningRates {
  readonly title: string;
  /** One step after the other, by rising rate. */
  readonly steps: readonly { readonly rate: number; readonly loss: number; readonly smoothLoss: number }[];
  /** The suggested rate; null for none. */
  readonly suggestion: number | null;
  /** Note below the plot. */
  readonly note?: string | undefined;
}

const SIZE_PX = { width: 640, height: 400, marginTop: 28, marginBottom: 44, marginLeft: 56, marginRight: 20 } as const;
/** Losses above the highest average by more than this factor are cut off. */
const AIR = 1.05;

const LOOK = {
  loss: { stroke: INK.quiet, strokeOpacity: 0.5, strokeWidth: 1 },
  smoothLoss: { stroke: COLORS.blue, strokeWidth: 2 },
  suggestion: { stroke: COLORS.vermillion, strokeWidth: 1.5, strokeDasharray: "5 4" },
} as const;

/**
 * Draws the loss of a training against its rising learning rate, on a logarithmic axis, with the suggested rate.
 *
 * @throws RangeError when there are no steps, or a number cannot be drawn
 */
export function learningRatesFigure(
  document: SvgDocument,
  { title, steps, suggestion, note }: LearningRates,
): SvgElement {
  checkSome(steps, "steps");
  for (const { rate, loss, smoothLoss } of steps) {
    for (const value of [Math.log(rate), loss, smoothLoss]) checkFinite(value, `a number at rate ${rate}`);
  }
  const most = AIR * Math.max(...steps.map(({ smoothLoss }) => smoothLoss));
  const [least, largest] = [steps[0]!.rate, steps.at(-1)!.rate];
  const domain = least === largest ? [least / 2, largest * 2] : [least, largest];
  const plot = drawPlot(document, {
    ...SIZE_PX,
    x: { type: "log", domain },
    y: { domain: [0, most], clamp: true },
    marks: [
      Plot.gridY({ ...GRID, ticks: 5 }),
      Plot.axisX(logTicks(domain[0]!, domain[1]!), {
        ...AXIS,
        label: "learning rate",
        labelAnchor: "center",
        tickFormat: (rate: number) => rate.toExponential(0),
      }),
      Plot.axisY({ ...AXIS, ticks: 5, label: null }),
      Plot.line(steps, { x: "rate", y: "loss", ...LOOK.loss, ariaDescription: "loss" }),
      Plot.line(steps, { x: "rate", y: "smoothLoss", ...LOOK.smoothLoss, ariaDescription: "averaged loss" }),
      ...(suggestion === null ? [] : [Plot.ruleX([suggestion], { ...LOOK.suggestion, ariaDescription: "suggestion" })]),
    ],
  });
  plot.append(textBlock(document, ["loss"], { x: MARGIN_PX, y: 4, size: FONT_PX.small }));
  const flat = [
    [0, 0.5],
    [1, 0.5],
  ] as const;
  return frame(document, {
    title,
    subtitle: suggestion === null ? "no suggestion: the loss does not fall" : `suggested: ${suggestion.toPrecision(2)}`,
    legend: [
      { label: "loss of each step", marks: [Plot.line(flat, LOOK.loss)] },
      { label: "its moving average", marks: [Plot.line(flat, LOOK.smoothLoss)] },
      ...(suggestion === null ? [] : [{ label: "suggestion", marks: [Plot.line(flat, LOOK.suggestion)] }]),
    ],
    notes: [note],
    width: SIZE_PX.width,
    height: SIZE_PX.height,
    body: [plot],
  });
}
