import { fileURLToPath } from "node:url";
import { Resvg } from "@resvg/resvg-js";
import { DOMParser } from "linkedom";
import { type Figure, SVG_NAMESPACE, type SvgDocument } from "../svg.ts";

/** The text of an SVG file: `drawSvg(accuracyCurves, curves)`. Same input, same text. */
export function drawSvg<Input>(figure: Figure<Input>, input: Input): string {
  const document: SvgDocument = new DOMParser().parseFromString("<svg/>", "image/svg+xml");
  const drawing = figure(document, input);
  drawing.setAttribute("xmlns", SVG_NAMESPACE);
  return `${drawing.outerHTML}\n`;
}

/** Shipped in a package, so that pictures are the same on every machine and need no fonts installed. */
const FONT_FILES = [
  import.meta.resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf"),
  import.meta.resolve("dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf"),
].map((url) => fileURLToPath(url));

interface PngOptions {
  /** Pixels of the picture a pixel of the SVG. */
  readonly scale?: number | undefined;
}

/** A PNG file of an SVG file's text. Same input, same bytes. */
export function pngBytes(svgText: string, { scale = 2 }: PngOptions = {}): Uint8Array {
  const renderer = new Resvg(svgText, {
    font: { loadSystemFonts: false, fontFiles: FONT_FILES, defaultFontFamily: "DejaVu Sans" },
    fitTo: { mode: "zoom", value: scale },
  });
  return renderer.render().asPng();
}
