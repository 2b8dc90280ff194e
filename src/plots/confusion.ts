import * as Plot from "@observablehq/plot";
import { count, percent } from "../text.ts";
import { checkCount, checkSome, drawPlot, frame, moved } from "./figure.ts";
import { type SvgDocument, type SvgElement, svg } from "./svg.ts";
import { textBlock, textWidth, widestText } from "./text.ts";
import { COLORS, FONT_PX, INK, MARGIN_PX, mix, readableOn } from "./theme.ts";

export interface Confusion {
  readonly title: string;
  readonly classNames: readonly string[];
  /** Confusion matrix: `confusion[label][predicted]` counts images. */
  readonly confusion: readonly (readonly number[])[];
  /** Note below the plot. */
  readonly note?: string | undefined;
}

interface Cell {
  readonly label: number;
  readonly predicted: number;
  readonly count: number;
  /** Share of the images with this label, 0 to 1. */
  readonly share: number;
}

const CELL_PX = { smallest: 30, largest: 92, lowest: 28, all: 580 } as const;
/** Colour intensity is this power of the share: 1 % has a sixth of the full intensity. */
const COLOR_POWER = 0.4;
const GAP_PX = 8;
const HEADING_PX = 22;
/** Angle of names above columns where they are wider than a column. */
const SLOPE_DEGREES = 40;
/** More classes have small cells without counts, whose names fill the rows, and columns whose names stand upright. */
const MAX_COUNTED_CLASSES = 32;
const COMPACT = { cell: 15, slope: 90 } as const;

/**
 * Draws a confusion matrix: counts in cells, coloured by their share of the row, with one colour for correct
 * predictions and one for mistakes. The last column shows the recall of each class. With many classes, counts are only
 * tooltips, and empty cells are left blank.
 *
 * @throws RangeError when the table is not a square of counts with a name for each class
 */
export function confusionFigure(document: SvgDocument, { title, classNames, confusion, note }: Confusion): SvgElement {
  const cells = cellsOf(classNames, confusion);
  const shape = shapeOf(classNames, cells);
  const { cellWidth, cellHeight, left, top, sloped, slope, isCompact } = shape;
  const bottom = top + cellHeight * classNames.length;
  const right = left + cellWidth * classNames.length;
  const classes = classNames.map((_, label) => label);
  const plot = drawPlot(document, {
    width: right,
    height: bottom,
    margin: 0,
    marginTop: top,
    marginLeft: left,
    axis: null,
    x: { type: "band", domain: classes, padding: 0, round: false },
    y: { type: "band", domain: classes, padding: 0, round: false },
    marks: [
      Plot.cell(isCompact ? cells.filter((cell) => cell.count > 0) : cells, {
        x: "predicted",
        y: "label",
        fill: colorOf,
        inset: 0.75,
        title: explain(classNames),
      }),
      ...(isCompact
        ? [Plot.frame({ stroke: INK.rule })]
        : [
            Plot.text(cells, {
              x: "predicted",
              y: "label",
              text: (cell: Cell) => (cell.count === 0 ? null : count(cell.count)),
              fill: (cell: Cell) => readableOn(colorOf(cell), [INK.strong, INK.paper]),
              pointerEvents: "none",
            }),
          ]),
    ],
  });

  const middle = (row: number) => top + cellHeight * (row + 0.5) - 0.64 * FONT_PX.text;
  const write = (text: string, x: number, y: number, style: { anchor?: "start" | "middle" | "end"; color?: string }) =>
    textBlock(document, [text], { x, y, size: FONT_PX.text, ...style });
  const names = classNames.flatMap((name, i) => {
    const center = left + cellWidth * (i + 0.5);
    const above = sloped
      ? svg(
          document,
          "g",
          { transform: `translate(${center},${top - GAP_PX}) rotate(${-slope})` },
          // Upright names are centred on their column.
          write(name, 0, (isCompact ? -0.64 : -0.9) * FONT_PX.text, {}),
        )
      : write(name, center, top - GAP_PX - FONT_PX.text, { anchor: "middle" });
    return [write(name, left - GAP_PX, middle(i), { anchor: "end" }), above];
  });
  const recognised = classNames.map((_, label) => {
    const cell = cells[label * (classNames.length + 1)]!;
    const known = cells.some((other) => other.label === label && other.count > 0);
    return write(known ? percent(cell.share, 1) : "none", right + GAP_PX, middle(label), { color: INK.quiet });
  });
  const quiet = { color: INK.quiet } as const;
  const headings = [
    write("predicted", left, 0, quiet),
    write("label", left - GAP_PX, top - GAP_PX - FONT_PX.text, { ...quiet, anchor: "end" }),
  ];
  const scale = confusionScale(document, colorOf);
  return frame(document, {
    title,
    subtitle: "Rows: true label. Columns: predicted label. Right: recall.",
    notes: [note],
    width: Math.max(left + scale.width + MARGIN_PX, right + shape.afterCells),
    height: bottom + 2 * GAP_PX + scale.height,
    body: [plot, ...headings, ...names, ...recognised, moved(document, scale.element, left, bottom + 2 * GAP_PX)],
  });
}

/** Cell sizes and margins for the widest count and the longest name, in pixels. */
function shapeOf(classNames: readonly string[], cells: readonly Cell[]) {
  const isCompact = classNames.length > MAX_COUNTED_CLASSES;
  const counts = cells.map((cell) => count(cell.count));
  const fitting = Math.ceil(widestText(counts, FONT_PX.small) + GAP_PX);
  const wanted = Math.min(CELL_PX.largest, Math.floor(CELL_PX.all / classNames.length));
  const cellWidth = isCompact ? COMPACT.cell : Math.max(fitting, CELL_PX.smallest, wanted);
  const cellHeight = isCompact ? COMPACT.cell : Math.max(CELL_PX.lowest, Math.round(0.72 * cellWidth));
  const widest = widestText(classNames, FONT_PX.text);
  const sloped = widest > cellWidth - GAP_PX;
  const slope = isCompact ? COMPACT.slope : SLOPE_DEGREES;
  const radians = (slope * Math.PI) / 180;
  const namesHeight = FONT_PX.text + (sloped ? Math.ceil(widest * Math.sin(radians)) : 0);
  const share = textWidth(percent(1, 1), FONT_PX.text);
  return {
    cellWidth,
    cellHeight,
    sloped,
    slope,
    isCompact,
    left: Math.ceil(MARGIN_PX + widest + GAP_PX),
    top: HEADING_PX + namesHeight + GAP_PX,
    afterCells: Math.ceil(
      MARGIN_PX + Math.max(GAP_PX + share, sloped ? widest * Math.cos(radians) + FONT_PX.text - cellWidth / 2 : 0),
    ),
  };
}

function cellsOf(classNames: readonly string[], confusion: readonly (readonly number[])[]): Cell[] {
  checkSome(classNames, "classes");
  const classes = classNames.length;
  if (confusion.length !== classes || confusion.some((row) => row.length !== classes)) {
    throw new RangeError(`a confusion table of ${classes} classes has as many rows and columns`);
  }
  return confusion.flatMap((row, label) => {
    const sum = row.reduce((total, count) => total + count, 0);
    return row.map((count, predicted) => {
      checkCount(count, `${classNames[label]} predicted as ${classNames[predicted]}`);
      return { label, predicted, count, share: sum === 0 ? 0 : count / sum };
    });
  });
}

/**
 * White to blue for correct predictions, to vermillion for mistakes. Mistakes are rare, so small shares are emphasized.
 */
function colorOf({ label, predicted, share }: Pick<Cell, "label" | "predicted" | "share">): string {
  if (share === 0) return INK.pale;
  return mix(INK.paper, label === predicted ? COLORS.blue : COLORS.vermillion, share ** COLOR_POWER);
}

/** Tooltip of a cell. */
function explain(classNames: readonly string[]): (cell: Cell) => string {
  return ({ label, predicted, count: images, share }) =>
    `${classNames[label]} predicted as ${classNames[predicted]}: ${count(images)} (${percent(share)})`;
}

const SHARES = [0.001, 0.01, 0.05, 0.2, 0.5, 1];
const SWATCH_PX = { width: 46, height: 14 } as const;
const ROW_PX = 18;
/** Width of the names of the two rows. */
const NAMES_PX = 62;

/** Colour scale of a confusion matrix: shares of a row, for correct predictions and for mistakes. */
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
