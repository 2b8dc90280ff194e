import { type SvgDocument, type SvgElement, svg } from "./svg.ts";
import { FONT_FAMILY, INK, LINE_HEIGHT } from "./theme.ts";

interface TextStyle {
  /** Left edge, centre or right edge, depending on `anchor`. */
  readonly x: number;
  /** Upper edge of the first line. */
  readonly y: number;
  /** Font size in pixels. */
  readonly size: number;
  readonly bold?: boolean | undefined;
  readonly color?: string | undefined;
  readonly anchor?: "start" | "middle" | "end" | undefined;
  /** Whether the text gets a white outline, for text on lines. */
  readonly halo?: boolean | undefined;
}

const HALO = { stroke: INK.paper, "stroke-width": 3.5, "stroke-linejoin": "round", "paint-order": "stroke" } as const;

/** Draws lines of text, one below the other. */
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

/** Height of lines of text in pixels. */
export function blockHeight(lines: readonly string[], size: number): number {
  return lines.length * size * LINE_HEIGHT;
}

/** Advance widths of DejaVu Sans for the characters from space to tilde, in hundredths of the font size. */
const WIDTHS = [
  32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84,
  84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73, 68, 99, 69, 61,
  69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59,
  82, 59, 59, 52, 64, 34, 64, 84,
];
const FIRST_CHARACTER = 0x20;
/** Assumed width of other letters and signs; wider than most. */
const OTHER_WIDTH = 84;
/** Chinese, Japanese and Korean characters fill a square. */
const WIDE_WIDTH = 100;
const FIRST_WIDE_CHARACTER = 0x2e80;
/** Factor of bold text: an upper bound for the average of a word. */
const BOLD = 1.12;

/** Width in pixels of a line in DejaVu Sans: exact in PNG files, an estimate where another font is used. */
export function textWidth(text: string, sizePx: number, bold = false): number {
  let hundredths = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    hundredths += WIDTHS[code - FIRST_CHARACTER] ?? (code < FIRST_WIDE_CHARACTER ? OTHER_WIDTH : WIDE_WIDTH);
  }
  return (hundredths / 100) * sizePx * (bold ? BOLD : 1);
}

/** Breaks text at spaces into lines of at most `widthPx`; a longer word gets its own line. */
export function wrapText(text: string, widthPx: number, sizePx: number, bold = false): string[] {
  const lines: string[] = [];
  for (const word of text.split(/ +/).filter((part) => part !== "")) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer, sizePx, bold) <= widthPx) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** The largest width of several lines; 0 if there are none. */
export function widestText(lines: readonly string[], sizePx: number, bold = false): number {
  return Math.max(0, ...lines.map((line) => textWidth(line, sizePx, bold)));
}
