import { DOMParser } from "linkedom";
import { type Figure, SVG_NAMESPACE, type SvgDocument } from "../dom.ts";

/** The text of an SVG file: `drawSvg(accuracyCurves, curves)`. Same input, same text. */
export function drawSvg<Input>(figure: Figure<Input>, input: Input): string {
  const document: SvgDocument = new DOMParser().parseFromString("<svg/>", "image/svg+xml");
  const drawing = figure(document, input);
  drawing.setAttribute("xmlns", SVG_NAMESPACE);
  return `${drawing.outerHTML}\n`;
}
