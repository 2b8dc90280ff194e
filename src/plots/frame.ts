import { type SvgDocument, type SvgElement, svg } from "./dom.ts";
import { moved } from "./draw-plot.ts";
import { drawLegend, type LegendItem } from "./legend.ts";
import { blockHeight, textBlock } from "./text-block.ts";
import { wrapText } from "./text-width.ts";
import { FONT_PX, INK, MARGIN_PX } from "./theme.ts";

interface FrameOptions {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly legend?: readonly LegendItem[] | undefined;
  /** Said below the picture, each in lines of its own. */
  readonly notes?: readonly (string | undefined)[] | undefined;
  /** Of the picture; the figure is higher by what stands above and below it. */
  readonly width: number;
  readonly height: number;
  readonly body: readonly SvgElement[];
}

const GAP_PX = 8;

/** A whole figure: title, subtitle, legend, the picture, notes, on white paper. */
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

  const total = Math.ceil(y + MARGIN_PX - GAP_PX);
  return svg(
    document,
    "svg",
    { width, height: total, viewBox: `0 0 ${width} ${total}`, color: INK.text, role: "img", "aria-label": title },
    svg(document, "rect", { width, height: total, fill: INK.paper }),
    ...parts,
  );
}
