import type { Markish } from "@observablehq/plot";
import * as Plot from "@observablehq/plot";
import { type SvgDocument, type SvgElement, svg } from "./svg.ts";
import { blockHeight, textBlock, textWidth, wrapText } from "./text.ts";
import { FONT_FAMILY, FONT_PX, INK, MARGIN_PX } from "./theme.ts";

/** Common style of axes: unobtrusive ticks, no arrows in labels. */
export const AXIS = { labelArrow: "none", tickSize: 4, tickPadding: 4, stroke: INK.quiet, fill: INK.text } as const;
export const GRID = { stroke: INK.rule, strokeOpacity: 1 } as const;

/**
 * Draws a plot as a <g> for a figure. Plot's own <svg> and style sheet are dropped: they would resize the plot to its
 * container, and their class name would apply to every figure.
 */
export function drawPlot(document: SvgDocument, options: Omit<Plot.PlotOptions, "document" | "figure">): SvgElement {
  const plot: SvgElement = Plot.plot({
    ...options,
    figure: false,
    document: document as NonNullable<Plot.PlotOptions["document"]>,
  });
  plot.querySelector("style")?.remove();
  const attributes = {
    fill: INK.text,
    "font-family": FONT_FAMILY,
    "font-size": FONT_PX.small,
    "text-anchor": "middle",
  };
  return svg(document, "g", attributes, ...plot.childNodes);
}

/** Translates an element right and down. */
export function moved(document: SvgDocument, element: SvgElement, right: number, down: number): SvgElement {
  return svg(document, "g", { transform: `translate(${right},${down})` }, element);
}

interface FrameOptions {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly legend?: readonly LegendItem[] | undefined;
  /** Notes below the plot, each starting on a new line. */
  readonly notes?: readonly (string | undefined)[] | undefined;
  /** Size of the plot; the figure is higher by the title, legend and notes. */
  readonly width: number;
  readonly height: number;
  readonly body: readonly SvgElement[];
}

const GAP_PX = 8;

/** A complete figure: title, subtitle, legend, plot and notes, on a white background. */
export function frame(
  document: SvgDocument,
  { title, subtitle = "", legend = [], notes = [], width, height, body }: FrameOptions,
): SvgElement {
  const inner = width - 2 * MARGIN_PX;
  const parts: SvgElement[] = [];
  let y = MARGIN_PX;
  const write = (text: string, size: number, color: string, bold = false) => {
    const lines = wrapText(text, inner, size, bold);
    if (lines.length === 0) return;
    parts.push(textBlock(document, lines, { x: MARGIN_PX, y, size, color, bold }));
    y += blockHeight(lines, size) + GAP_PX / 2;
  };

  write(title, FONT_PX.title, INK.text, true);
  write(subtitle, FONT_PX.text, INK.quiet);
  const keys = drawLegend(document, legend, inner);
  if (keys.height > 0) parts.push(moved(document, keys.element, MARGIN_PX, y + GAP_PX / 2));
  y += keys.height + GAP_PX;
  parts.push(svg(document, "g", { transform: `translate(0,${y})` }, ...body));
  y += height + GAP_PX;
  for (const note of notes) write(note ?? "", FONT_PX.small, INK.quiet);

  for (const part of parts) nameForNobody(part);

  const total = Math.ceil(y + MARGIN_PX - GAP_PX);
  return svg(
    document,
    "svg",
    { width, height: total, viewBox: `0 0 ${width} ${total}`, color: INK.text, role: "img", "aria-label": title },
    svg(document, "rect", { width, height: total, fill: INK.paper }),
    ...parts,
  );
}

/**
 * Turns the names that Plot gives to groups into data. The figure as a whole is an image with a name; parts of an image have
 * none for assistive technology, and names without a role are not allowed.
 */
function nameForNobody(part: SvgElement): void {
  for (const named of [part, ...part.querySelectorAll("[aria-label]")]) {
    const name = named.getAttribute("aria-label");
    if (name === null) continue;
    named.setAttribute("data-part", name);
    named.removeAttribute("aria-label");
  }
}

export interface LegendItem {
  readonly label: string;
  /** Drawn with x and y from 0 to 1. */
  readonly marks: readonly Markish[];
}

const KEY_WIDTH_PX = 28;
const KEY_HEIGHT_PX = 14;
const ROW_HEIGHT_PX = 20;
const AFTER_KEY_PX = 6;
const BETWEEN_PX = 16;

/** Draws a legend in rows of at most `width` pixels. */
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

/** @throws RangeError unless `value` is from 0 to 1 */
export function checkShare(value: number, what: string): void {
  if (!(value >= 0 && value <= 1)) throw new RangeError(`${what} is ${value}, not a share from 0 to 1`);
}

/** @throws RangeError when `value` is NaN or infinite */
export function checkFinite(value: number, what: string): void {
  if (!Number.isFinite(value)) throw new RangeError(`${what} is ${value}, which cannot be drawn`);
}

/** @throws RangeError unless `value` is a non-negative integer */
export function checkCount(value: number, what: string): void {
  if (!(Number.isInteger(value) && value >= 0)) throw new RangeError(`${what} is ${value}, not a count`);
}

/** @throws RangeError when there is nothing to draw */
export function checkSome(values: readonly unknown[], what: string): void {
  if (values.length === 0) throw new RangeError(`no ${what} to draw`);
}
