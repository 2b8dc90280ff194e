import { percent } from "../numbers.ts";
import type { Box, Segment } from "./boxes.ts";
import { byKind, COST_LOOK, type CostPoint } from "./cost-look.ts";
import { type SvgDocument, type SvgElement, svg } from "./dom.ts";
import { placeLabels } from "./place-labels.ts";
import { textBlock } from "./text-block.ts";
import { textWidth } from "./text-width.ts";
import { FONT_PX, INK } from "./theme.ts";

interface CostScene {
  /** Where labels may stand, in pixels. */
  readonly bounds: Box;
  /** The front, which labels may not cover. */
  readonly lines: readonly Segment[];
  /** Pixels from the left and from the top. */
  readonly across: (x: number) => number;
  readonly down: (accuracy: number) => number;
}

/** Between names and the edges of the picture. */
const EDGE_PX = 5;
const LETTER_HEIGHT_PX = FONT_PX.small * 1.1;
/** Half the width of what a spread's line takes. */
const SPREAD_PX = 3;

/** Names by their points; ours and the study's with their accuracy. Names for which there is no room are returned. */
export function costLabels(
  document: SvgDocument,
  points: readonly CostPoint[],
  { bounds, lines, across, down }: CostScene,
): { readonly element: SvgElement; readonly left: readonly string[] } {
  const labels = [...points].sort(byKind).map((point) => {
    const mine = isMine(point);
    const text = mine ? `${point.name} ${percent(point.accuracy)}` : point.name;
    const [x, y] = [across(point.x), down(point.accuracy)];
    const width = textWidth(text, FONT_PX.small, mine);
    return { text, point, mine, x, y, width, height: LETTER_HEIGHT_PX, radius: COST_LOOK[point.kind].reach };
  });
  const spreads = points.flatMap((point) => {
    const x = across(point.x);
    const { low, high } = spreadOf(point);
    return low === high ? [] : [{ left: x - SPREAD_PX, right: x + SPREAD_PX, top: down(high), bottom: down(low) }];
  });
  const room = {
    left: bounds.left + EDGE_PX,
    top: bounds.top + EDGE_PX,
    right: bounds.right - EDGE_PX,
    bottom: bounds.bottom - EDGE_PX,
  };
  const places = placeLabels(labels, { bounds: room, boxes: spreads, lines });
  const element = svg(document, "g", { "aria-label": "names" });
  for (const [i, { text, point, mine }] of labels.entries()) {
    const place = places[i];
    if (!place) continue;
    const { box, leader } = place;
    if (leader) {
      const [[x1, y1], [x2, y2]] = [leader.from, leader.to];
      element.append(svg(document, "line", { x1, y1, x2, y2, stroke: INK.quiet, "stroke-width": 0.75 }));
    }
    const style = { size: FONT_PX.small, color: COST_LOOK[point.kind].text, bold: mine, halo: true };
    element.append(textBlock(document, [text], { x: box.left, y: box.top - 0.5, ...style }));
  }
  return { element, left: labels.filter((_, i) => !places[i]).map(({ text }) => text) };
}

/** The ends of a point's spread; its accuracy where it has none. */
export function spreadOf({ accuracy, low = accuracy, high = accuracy }: CostPoint): { low: number; high: number } {
  return { low, high };
}

function isMine({ kind }: CostPoint): boolean {
  return kind === "ours" || kind === "study";
}
