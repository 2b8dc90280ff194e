import { curveDomain } from "./curve-domain.ts";
import { labelsWidth } from "./curve-labels.ts";
import { curvesLegend } from "./curves-legend.ts";
import { curvesPanel } from "./curves-panel.ts";
import type { SvgDocument, SvgElement } from "./dom.ts";
import { frame } from "./frame.ts";
import { MARGIN_PX } from "./theme.ts";
import { type CurveSeries, curveSeries, type Quantity, type TrainingCurves } from "./training-curves.ts";

const WIDTH_PX = 720;
/** Of the picture; in narrow figures three quarters of their width. */
const HEIGHT_PX = 380;
const HEIGHT_SHARE = 0.75;

/**
 * Accuracy of one model by epoch, on training and validation images.
 *
 * @throws RangeError when there is nothing to draw or a number cannot be drawn
 */
export function accuracyCurves(document: SvgDocument, curves: TrainingCurves): SvgElement {
  return curvesFigure(document, curves, "accuracy");
}

/**
 * Loss of one model by epoch, on training and validation images.
 *
 * @throws RangeError when there is nothing to draw or a number cannot be drawn
 */
export function lossCurves(document: SvgDocument, curves: TrainingCurves): SvgElement {
  return curvesFigure(document, curves, "loss");
}

function curvesFigure(document: SvgDocument, curves: TrainingCurves, quantity: Quantity): SvgElement {
  const { width = WIDTH_PX } = curves;
  const height = Math.min(HEIGHT_PX, Math.round(HEIGHT_SHARE * width));
  const series = curveSeries(curves, quantity);
  const panel = curvesPanel(document, series, {
    quantity,
    width: width - MARGIN_PX,
    height,
    domain: curveDomain(series, quantity),
    lastEpoch: lastEpoch([series]),
    marginRight: labelsWidth(series, quantity),
  });
  return frame(document, {
    title: `${curves.model}: ${quantity} by epoch`,
    legend: curvesLegend([series]),
    notes: [curves.note],
    width,
    height,
    body: [panel],
  });
}

/** The last epoch of any run of several models. */
export function lastEpoch(models: readonly (readonly CurveSeries[])[]): number {
  return Math.max(...models.flat().flatMap(({ runs }) => runs.map((run) => run.at(-1)?.epoch ?? 1)));
}
