import { fileURLToPath } from "node:url";
import { Resvg } from "@resvg/resvg-js";
import { DOMParser } from "linkedom";
import { type Figure, SVG_NAMESPACE, type SvgDocument } from "../svg.ts";

/** Draws a figure as the text of an SVG file: `drawSvg(accuracyCurves, curves)`. Deterministic. */
export function drawSvg<Input>(figure: Figure<Input>, input: Input): string {
  const document: SvgDocument = new DOMParser().parseFromString("<svg/>", "image/svg+xml");
  const drawing = figure(document, input);
  drawing.setAttribute("xmlns", SVG_NAMESPACE);
  return `${drawing.outerHTML}\n`;
}

/** Fonts from a package, so that pictures are the same on every machine and need no installed fonts. */
const FONT_FILES = [
  import.meta.resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf"),
  import.meta.resolve("dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf"),
].map((url) => fileURLToPath(url));

interface PngOptions {
  /** Pixels of the PNG per pixel of the SVG. Default 2. */
  readonly scale?: number | undefined;
}

/** Renders the text of an SVG file as PNG. Deterministic. */
export function pngBytes(svgText: string, { scale = 2 }: PngOptions = {}): Uint8Array {
  const renderer = new Resvg(svgText, {
    font: { loadSystemFonts: false, fontFiles: FONT_FILES, defaultFontFamily: "DejaVu Sans" },
    fitTo: { mode: "zoom", value: scale },
  });
  return renderer.render().asPng();
}
