import { percent, signed } from "../text.ts";
import { spreadApart } from "./label-placement.ts";
import { type SvgDocument, type SvgElement, svg } from "./svg.ts";
import { textBlock, widestText } from "./text.ts";
import { COLORS, FONT_PX, INK } from "./theme.ts";
import type { CurveSeries, Quantity } from "./training-curves.ts";

interface LabelPlaces {
  readonly quantity: Quantity;
  /** Position in pixels: of an epoch from the left, of a value from the top. */
  readonly across: (epoch: number) => number;
  readonly down: (value: number) => number;
  readonly top: number;
  readonly bottom: number;
}

interface Label {
  readonly text: string;
  readonly epoch: number;
  /** The value that the label belongs to. */
  readonly value: number;
  readonly color: string;
}

const COLOR = { train: COLORS.vermillion, validation: COLORS.blue } as const;
const BEFORE_PX = 12;
const AFTER_PX = 4;
const DISTANCE_PX = 16;

/** Right margin that the labels need, in pixels. */
export function labelsWidth(series: readonly CurveSeries[], quantity: Quantity): number {
  const texts = labelsOf(series, quantity).map(({ text }) => text);
  return Math.ceil(BEFORE_PX + widestText(texts, FONT_PX.small, true) + AFTER_PX);
}

/** Labels at the ends of the lines: names and last values, and the gap between them. */
export function curveLabels(
  document: SvgDocument,
  series: readonly CurveSeries[],
  { quantity, across, down, top, bottom }: LabelPlaces,
): SvgElement {
  const labels = labelsOf(series, quantity);
  const half = DISTANCE_PX / 2;
  const wanted = labels.map(({ value }) => down(value));
  const places = spreadApart(wanted, DISTANCE_PX, top + half, bottom - half);
  const texts = labels.map(({ text, epoch, color }, i) =>
    textBlock(document, [text], {
      x: across(epoch) + BEFORE_PX,
      y: places[i]! - 0.64 * FONT_PX.small,
      size: FONT_PX.small,
      color,
      halo: true,
      bold: color !== INK.quiet,
    }),
  );
  return svg(document, "g", { "aria-label": "last values" }, ...texts);
}

function labelsOf(series: readonly CurveSeries[], quantity: Quantity): Label[] {
  const ends = series.flatMap(({ of, mean }) => {
    const last = mean.at(-1);
    if (!last) return [];
    const text = `${of} ${quantity === "accuracy" ? percent(last.value) : last.value.toFixed(4)}`;
    return [{ text, epoch: last.epoch, value: last.value, color: COLOR[of] }];
  });
  const [train, validation] = ends;
  if (!train || !validation || train.epoch !== validation.epoch) return ends;
  const difference = train.value - validation.value;
  const text = quantity === "accuracy" ? `gap ${signed(100 * difference, 2)} points` : `gap ${signed(-difference, 4)}`;
  return [
    train,
    { text, epoch: train.epoch, value: (train.value + validation.value) / 2, color: INK.quiet },
    validation,
  ];
}
