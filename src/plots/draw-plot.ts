import * as Plot from "@observablehq/plot";
import { type SvgDocument, type SvgElement, svg } from "./dom.ts";
import { FONT_FAMILY, FONT_PX, INK } from "./theme.ts";

/** Axes alike in every figure: a quiet rule of ticks, no arrows in labels. */
export const AXIS = { labelArrow: "none", tickSize: 4, tickPadding: 4, stroke: INK.quiet, fill: INK.text } as const;
export const GRID = { stroke: INK.rule, strokeOpacity: 1 } as const;

/**
 * Draws a plot as a <g> to be put into a figure. Plot's own <svg> and style sheet are left out: they would resize the
 * plot to its surroundings, and the class that they go by would be every figure's.
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

/** The same moved right and down. */
export function moved(document: SvgDocument, element: SvgElement, right: number, down: number): SvgElement {
  return svg(document, "g", { transform: `translate(${right},${down})` }, element);
}
