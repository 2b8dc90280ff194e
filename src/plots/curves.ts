import { labelsWidth } from "./curve-labels.ts";
import { curvesLegend, curvesPanel } from "./curves-panel.ts";
import { checkSome, frame, moved } from "./figure.ts";
import type { SvgDocument, SvgElement } from "./svg.ts";
import { textBlock } from "./text.ts";
import { FONT_PX, MARGIN_PX } from "./theme.ts";
import { type CurveSeries, curveDomain, curveSeries, type Quantity, type TrainingCurves } from "./training-curves.ts";

const WIDTH_PX = 720;
/** Height of the plot; in narrow figures three quarters of their width. */
const HEIGHT_PX = 380;
const HEIGHT_SHARE = 0.75;

/**
 * Draws the accuracy of one model by epoch, on training and validation images.
 *
 * @throws RangeError when there is nothing to draw or a number cannot be drawn
 */
export function accuracyCurves(document: SvgDocument, curves: TrainingCurves): SvgElement {
  return curvesFigure(document, curves, "accuracy");
}

/**
 * Draws the loss of one model by epoch, on training and validation images.
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

export interface CurvesOverview {
  readonly title: string;
  /** Drawn in one column each. */
  readonly models: readonly TrainingCurves[];
  /** Note below the plot. */
  readonly note?: string | undefined;
}

const COLUMN_PX = 472;
const ROW_PX = 250;
const HEADING_PX = 26;

/**
 * Draws accuracy above loss, one column per model; each row has one scale, so that models can be compared.
 *
 * @throws RangeError when there is nothing to draw or a number cannot be drawn
 */
export function curvesOverview(document: SvgDocument, { title, models, note }: CurvesOverview): SvgElement {
  checkSome(models, "models");
  const headings = models.map(({ model }, column) =>
    textBlock(document, [model], { x: column * COLUMN_PX + MARGIN_PX, y: 4, size: FONT_PX.heading, bold: true }),
  );
  const rows = (["accuracy", "loss"] as const).map((quantity) => ({
    quantity,
    columns: models.map((curves) => curveSeries(curves, quantity)),
  }));
  const labels = rows.flatMap(({ quantity, columns }) => columns.map((series) => labelsWidth(series, quantity)));
  const panels = rows.flatMap(({ quantity, columns }, row) => {
    const options = {
      quantity,
      width: COLUMN_PX - MARGIN_PX,
      height: ROW_PX,
      domain: curveDomain(columns.flat(), quantity),
      lastEpoch: lastEpoch(columns),
      marginRight: Math.max(...labels),
    };
    return columns.map((series, column) =>
      moved(document, curvesPanel(document, series, options), column * COLUMN_PX, HEADING_PX + row * ROW_PX),
    );
  });
  return frame(document, {
    title,
    legend: curvesLegend(rows[0]!.columns),
    notes: [note, ...models.map((curves) => curves.note)],
    width: Math.max(720, models.length * COLUMN_PX),
    height: HEADING_PX + 2 * ROW_PX,
    body: [...headings, ...panels],
  });
}
