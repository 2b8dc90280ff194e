import { checkSome } from "./checks.ts";
import { curveDomain } from "./curve-domain.ts";
import { labelsWidth } from "./curve-labels.ts";
import { lastEpoch } from "./curves.ts";
import { curvesLegend } from "./curves-legend.ts";
import { curvesPanel } from "./curves-panel.ts";
import type { SvgDocument, SvgElement } from "./dom.ts";
import { moved } from "./draw-plot.ts";
import { frame } from "./frame.ts";
import { textBlock } from "./text-block.ts";
import { FONT_PX, MARGIN_PX } from "./theme.ts";
import { curveSeries, type TrainingCurves } from "./training-curves.ts";

export interface CurvesOverview {
  readonly title: string;
  /** One column each. */
  readonly models: readonly TrainingCurves[];
  /** Said below the picture. */
  readonly note?: string | undefined;
}

const COLUMN_PX = 472;
const ROW_PX = 250;
const HEADING_PX = 26;

/**
 * Accuracy above, loss below, a column a model; each row has one scale, so that models compare at a glance.
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
