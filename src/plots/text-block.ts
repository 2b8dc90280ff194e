import { type SvgDocument, type SvgElement, svg } from "./dom.ts";
import { FONT_FAMILY, INK, LINE_HEIGHT } from "./theme.ts";

interface TextStyle {
  /** Left edge, or the middle or right edge as `anchor` says. */
  readonly x: number;
  /** Upper edge of the first line. */
  readonly y: number;
  /** Of the letters, in pixels. */
  readonly size: number;
  readonly bold?: boolean | undefined;
  readonly color?: string | undefined;
  readonly anchor?: "start" | "middle" | "end" | undefined;
  /** Whether the letters stand on lines, and so need white round them. */
  readonly halo?: boolean | undefined;
}

const HALO = { stroke: INK.paper, "stroke-width": 3.5, "stroke-linejoin": "round", "paint-order": "stroke" } as const;

/** Lines of text, one below the other. */
export function textBlock(
  document: SvgDocument,
  lines: readonly string[],
  { x, y, size, bold = false, color = INK.text, anchor = "start", halo = false }: TextStyle,
): SvgElement {
  const attributes = {
    "font-family": FONT_FAMILY,
    "font-size": size,
    "font-weight": bold ? "bold" : "normal",
    "text-anchor": anchor,
    fill: color,
    ...(halo && HALO),
  };
  const texts = lines.map((line, i) => svg(document, "text", { x, y: y + size * (1 + i * LINE_HEIGHT) }, line));
  return svg(document, "g", attributes, ...texts);
}

/** Height in pixels of so many lines. */
export function blockHeight(lines: readonly string[], size: number): number {
  return lines.length * size * LINE_HEIGHT;
}
