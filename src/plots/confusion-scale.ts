import { type SvgDocument, type SvgElement, svg } from "./dom.ts";
import { textBlock } from "./text-block.ts";
import { FONT_PX, INK } from "./theme.ts";

const SHARES = [0.001, 0.01, 0.05, 0.2, 0.5, 1];
const SWATCH_PX = { width: 46, height: 14 } as const;
const ROW_PX = 18;
/** Room for the names of the two rows. */
const NAMES_PX = 62;

/** What the colours of a confusion table mean: shares of a row, of right answers and of mistakes. */
export function confusionScale(
  document: SvgDocument,
  colorOf: (cell: { label: number; predicted: number; share: number }) => string,
): { readonly element: SvgElement; readonly width: number; readonly height: number } {
  const size = FONT_PX.small;
  const element = svg(document, "g", { "aria-label": "scale" });
  element.append(textBlock(document, ["of a row"], { x: 0, y: 0, size, color: INK.quiet }));
  for (const [i, share] of SHARES.entries()) {
    const x = NAMES_PX + i * SWATCH_PX.width;
    const text = `${share * 100} %`;
    element.append(textBlock(document, [text], { x: x + SWATCH_PX.width / 2, y: 0, size, anchor: "middle" }));
    for (const predicted of [0, 1]) {
      const fill = colorOf({ label: 0, predicted, share });
      const y = ROW_PX * (predicted + 1);
      element.append(svg(document, "rect", { x, y, ...SWATCH_PX, fill, stroke: INK.rule }));
    }
  }
  for (const [row, name] of ["right", "mistaken"].entries()) {
    element.append(textBlock(document, [name], { x: 0, y: ROW_PX * (row + 1), size, color: INK.quiet }));
  }
  return { element, width: NAMES_PX + SHARES.length * SWATCH_PX.width, height: 3 * ROW_PX };
}
