import type { Markish } from "@observablehq/plot";
import { type SvgDocument, type SvgElement, svg } from "./dom.ts";
import { drawPlot, moved } from "./draw-plot.ts";
import { textBlock } from "./text-block.ts";
import { textWidth } from "./text-width.ts";
import { FONT_PX } from "./theme.ts";

export interface LegendItem {
  readonly label: string;
  /** Drawn in a box of x and y from 0 to 1. */
  readonly marks: readonly Markish[];
}

const KEY_WIDTH_PX = 28;
const KEY_HEIGHT_PX = 14;
const ROW_HEIGHT_PX = 20;
const AFTER_KEY_PX = 6;
const BETWEEN_PX = 16;

/** Keys and what they mean, in rows of at most `width` pixels. */
export function drawLegend(
  document: SvgDocument,
  items: readonly LegendItem[],
  width: number,
): { readonly element: SvgElement; readonly height: number } {
  const element = svg(document, "g", { "aria-label": "legend" });
  let x = 0;
  let y = 0;
  for (const { label, marks } of items) {
    const needed = KEY_WIDTH_PX + AFTER_KEY_PX + textWidth(label, FONT_PX.text);
    if (x > 0 && x + needed > width) {
      x = 0;
      y += ROW_HEIGHT_PX;
    }
    const key = drawPlot(document, {
      width: KEY_WIDTH_PX,
      height: KEY_HEIGHT_PX,
      margin: 1,
      axis: null,
      x: { domain: [0, 1] },
      y: { domain: [0, 1] },
      marks: [...marks],
    });
    const text = textBlock(document, [label], { x: x + KEY_WIDTH_PX + AFTER_KEY_PX, y: y + 1, size: FONT_PX.text });
    element.append(moved(document, key, x, y + 1), text);
    x += needed + BETWEEN_PX;
  }
  return { element, height: items.length === 0 ? 0 : y + ROW_HEIGHT_PX };
}
