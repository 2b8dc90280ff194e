import * as Plot from "@observablehq/plot";
import { percent } from "../text.ts";
import { curveLabels } from "./curve-labels.ts";
import { AXIS, drawPlot, GRID, type LegendItem } from "./figure.ts";
import type { SvgDocument, SvgElement } from "./svg.ts";
import { textBlock } from "./text.ts";
import { COLORS, FONT_PX, INK } from "./theme.ts";
import {
  type CurveDomain,
  type CurvePoint,
  type CurveSeries,
  outsiders,
  type Quantity,
  visiblePart,
} from "./training-curves.ts";

interface PanelOptions {
  readonly quantity: Quantity;
  readonly width: number;
  readonly height: number;
  readonly domain: CurveDomain;
  /** Last epoch of the axis. */
  readonly lastEpoch: number;
  /** Width for the labels at the ends of lines, see `labelsWidth`. */
  readonly marginRight: number;
}

/** Dashes and hollow points distinguish the lines where colours do not. */
export const CURVE_LOOK = {
  train: { stroke: COLORS.vermillion, strokeDasharray: "7 4", pointFill: INK.paper },
  validation: { stroke: COLORS.blue, strokeDasharray: "none", pointFill: COLORS.blue },
} as const;
const MARGIN_PX = { top: 30, left: 48, bottom: 38 } as const;
/** Left edge of the vertical axis' label. */
const LABEL_LEFT_PX = 14;
const INSET_PX = 8;
const MAX_EPOCHS_WITH_POINTS = 16;
const POINT_PX = { one: 5, many: 2.75 } as const;
/** Radius of a seed's point where there is one epoch only. */
export const SEED_POINT_PX = 2.5;
const MAX_TICKS = 13;
const TICK_EVERY_PX = 50;

/** A plot of one quantity: the lines, the shaded gap between them, and labels with the last values. */
export function curvesPanel(
  document: SvgDocument,
  series: readonly CurveSeries[],
  { quantity, width, height, domain, lastEpoch, marginRight }: PanelOptions,
): SvgElement {
  const shown = (value: number) => (quantity === "accuracy" ? 100 * value : value);
  const place = { x: "epoch", y: ({ value }: CurvePoint) => shown(value) };
  const inside = (points: readonly CurvePoint[]) => {
    const cut = outsiders(points, domain);
    return points.filter((point) => !cut.includes(point));
  };
  const seedMarks = series.flatMap(({ of, runs }) =>
    runs.length === 1
      ? []
      : runs.map((run) => {
          const look = { ...place, stroke: CURVE_LOOK[of].stroke, strokeOpacity: 0.4, strokeWidth: 1 };
          if (run.length === 1) return Plot.dot(inside(run), { ...look, r: SEED_POINT_PX });
          return Plot.line(visiblePart(run, domain), { ...look, ariaDescription: `${of} of one seed` });
        }),
  );
  const meanMarks = series.flatMap(({ of, mean, runs }) => {
    const { stroke, strokeDasharray, pointFill } = CURVE_LOOK[of];
    const strokeWidth = runs.length > 1 ? 2.75 : 2.25;
    const r = mean.length === 1 ? POINT_PX.one : POINT_PX.many;
    const points = lastEpoch > MAX_EPOCHS_WITH_POINTS && mean.length > 1 ? [] : inside(mean);
    return [
      Plot.line(visiblePart(mean, domain), { ...place, stroke, strokeDasharray, strokeWidth, ariaDescription: of }),
      Plot.dot(points, { ...place, stroke, fill: pointFill, r, ariaDescription: `${of} points` }),
    ];
  });

  const ticks = Math.round(height / TICK_EVERY_PX);
  const firstTick = lastEpoch === 1 ? 0.5 : 1;
  const panel = drawPlot(document, {
    width,
    height,
    marginTop: MARGIN_PX.top,
    marginLeft: MARGIN_PX.left,
    marginBottom: MARGIN_PX.bottom,
    marginRight,
    x: { domain: [firstTick, lastEpoch === 1 ? 1.5 : lastEpoch], inset: INSET_PX },
    y: { domain: [shown(domain.low), shown(domain.high)] },
    marks: [
      Plot.gridY({ ...GRID, ticks }),
      Plot.axisX(epochTicks(lastEpoch), { ...AXIS, tickFormat: "d", label: "epoch", labelAnchor: "center" }),
      Plot.axisY({
        ...AXIS,
        ticks,
        label: null,
      }),
      Plot.areaY(gapOf(series, domain), {
        x: "epoch",
        y1: ({ train }: Gap) => shown(train),
        y2: ({ validation }: Gap) => shown(validation),
        fill: INK.quiet,
        fillOpacity: 0.15,
        ariaDescription: "gap",
      }),
      ...seedMarks,
      ...meanMarks,
    ],
  });

  const axisLabel = quantity === "accuracy" ? "accuracy, %" : "loss, nats";
  panel.append(textBlock(document, [axisLabel], { x: LABEL_LEFT_PX, y: 4, size: FONT_PX.small }));
  const across = (epoch: number) =>
    MARGIN_PX.left +
    INSET_PX +
    ((epoch - firstTick) / (lastEpoch === 1 ? 1 : lastEpoch - 1)) *
      (width - marginRight - MARGIN_PX.left - 2 * INSET_PX);
  const bottom = height - MARGIN_PX.bottom;
  const down = (value: number) =>
    bottom - ((value - domain.low) / (domain.high - domain.low)) * (bottom - MARGIN_PX.top);
  panel.append(curveLabels(document, series, { quantity, across, down, top: MARGIN_PX.top, bottom }));
  const cut = cutText(series, domain, quantity);
  if (cut !== "") {
    const y = quantity === "accuracy" ? bottom - FONT_PX.small - 5 : MARGIN_PX.top + 3;
    const x = across(2) + 8;
    panel.append(textBlock(document, [cut], { x, y, size: FONT_PX.small, color: INK.quiet, halo: true }));
  }
  return panel;
}

interface Gap {
  readonly epoch: number;
  readonly train: number;
  readonly validation: number;
}

/** Both means, at the epochs where both are visible. */
function gapOf(series: readonly CurveSeries[], domain: CurveDomain): Gap[] {
  const [train, validation] = series;
  if (!train || !validation) return [];
  const cut = [...outsiders(train.mean, domain), ...outsiders(validation.mean, domain)].map(({ epoch }) => epoch);
  return train.mean.flatMap(({ epoch, value }) => {
    const other = validation.mean.find((point) => point.epoch === epoch);
    return other && !cut.includes(epoch) ? [{ epoch, train: value, validation: other.value }] : [];
  });
}

/** Note on values outside the axis: "↓ epoch 1: train 42.10 %". */
function cutText(series: readonly CurveSeries[], domain: CurveDomain, quantity: Quantity): string {
  const parts = series.flatMap(({ of, mean }) =>
    outsiders(mean, domain).map(
      ({ epoch, value }) => [epoch, `${of} ${quantity === "accuracy" ? percent(value) : value.toFixed(4)}`] as const,
    ),
  );
  if (parts.length === 0) return "";
  const arrow = quantity === "accuracy" ? "↓" : "↑";
  return `${arrow} epoch ${parts[0]![0]}: ${parts.map(([, text]) => text).join(", ")}`;
}

/** Every epoch if they fit; else the first and every 5th, 10th, ... */
function epochTicks(last: number): number[] {
  const step = [1, 5, 10, 20, 50, 100, 200, 500, 1000].find((size) => last / size <= MAX_TICKS) ?? last;
  const ticks = Array.from({ length: Math.floor(last / step) }, (_, i) => (i + 1) * step);
  return step === 1 ? ticks : [1, ...ticks];
}

const ACROSS = [
  [0, 0.5],
  [1, 0.5],
] as const;

/** Legend of dashes, thin lines and shading in the curves of one or several models. */
export function curvesLegend(models: readonly (readonly CurveSeries[])[]): LegendItem[] {
  const seeds = models.map((series) => series[0]?.runs.length ?? 0);
  const most = Math.max(...seeds);
  const count = seeds.every((n) => n === most) ? `${most}` : seeds.join(" and ");
  const validated = models.some((series) => series.length > 1);
  const drawsLines = models.some((series) => series.some(({ runs }) => runs.some((run) => run.length > 1)));
  const seedMarks = [0.25, 0.5, 0.75].map((y) =>
    drawsLines
      ? Plot.ruleY([y], { stroke: INK.quiet, strokeWidth: 1 })
      : Plot.dot([[y, 0.5]], { stroke: INK.quiet, r: SEED_POINT_PX }),
  );
  const items: (LegendItem | undefined)[] = [
    { label: "train", marks: keyOf("train") },
    validated ? { label: "validation", marks: keyOf("validation") } : undefined,
    validated && drawsLines
      ? { label: "gap between them", marks: [Plot.frame({ fill: INK.quiet, fillOpacity: 0.15, stroke: "none" })] }
      : undefined,
    most > 1
      ? { label: `each of ${count} seeds; ${drawsLines ? "bold" : "large"}: mean`, marks: seedMarks }
      : undefined,
  ];
  return items.filter((item) => item !== undefined);
}

function keyOf(of: "train" | "validation"): Plot.Markish[] {
  const { stroke, strokeDasharray, pointFill } = CURVE_LOOK[of];
  return [
    Plot.line(ACROSS, { stroke, strokeDasharray, strokeWidth: 2.25 }),
    Plot.dot([[0.5, 0.5]], { stroke, fill: pointFill, r: 3 }),
  ];
}
