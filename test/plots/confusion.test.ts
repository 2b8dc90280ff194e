import { describe, expect, test } from "vitest";
import { confusionFigure } from "../../src/plots/confusion.ts";
import { drawSvg } from "../../src/plots/node/render.ts";
import { contrast } from "../../src/plots/theme.ts";
import { confusion, FASHION } from "./example-figures.ts";
import { all, type Drawn, drawnTexts, numbersOf, parseFigure, toFigure } from "./read-figure.ts";

const NAMES = ["ant", "bee", "cat"];
const TABLE = [
  [800, 150, 50],
  [1, 999, 0],
  [0, 0, 0],
];
const draw = (table: readonly (readonly number[])[], names = NAMES) =>
  parseFigure(drawSvg(confusionFigure, { title: "Insects", classNames: names, confusion: table }));

/** Cells by what they say while pointed at, with colour and middle. */
function cells(root: Drawn) {
  return all(root, '[data-part="cell"] rect').map((rect) => {
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => numbersOf(rect, name)[0]!);
    const [left, top] = toFigure(rect, [x! + width! / 2, y! + height! / 2]);
    return { title: rect.textContent, fill: rect.getAttribute("fill")!, x: Math.round(left), y: Math.round(top) };
  });
}

/** Counts that are written, and where. */
function counts(root: Drawn) {
  return all(root, '[data-part="text"] text').map((text) => {
    const [x, y] = toFigure(text, [0, 0]).map(Math.round);
    return { text: text.textContent, x: x!, y: y!, fill: text.getAttribute("fill")! };
  });
}

describe("a confusion matrix", () => {
  const root = draw(TABLE);
  const [aa, ab, ac, ba, bb, bc] = cells(root);

  test("has a row per label and a column per prediction, with counts where there are any", () => {
    expect([ab!.y, ac!.y]).toEqual([aa!.y, aa!.y]);
    expect([ba!.x, ba!.x < bb!.x, bb!.x < bc!.x, ba!.y > aa!.y]).toEqual([aa!.x, true, true, true]);
    expect(ab!.title).toBe("ant predicted as bee: 150 (15.00 %)");
    expect(counts(root).map(({ text, x, y }) => [text, x, y])).toEqual([
      ["800", aa!.x, aa!.y],
      ["150", ab!.x, ab!.y],
      ["50", ac!.x, ac!.y],
      ["1", ba!.x, ba!.y],
      ["999", bb!.x, bb!.y],
    ]);
  });

  test("has names at its rows and columns", () => {
    const middles = drawnTexts(root).flatMap(({ text, box }) =>
      text === "bee" ? [[Math.round((box!.left + box!.right) / 2), Math.round((box!.top + box!.bottom) / 2)]] : [],
    );
    const plotTop = drawnTexts(root).find(({ text }) => text === "150")!.box!;
    expect(middles.some(([x]) => Math.abs(x! - ab!.x) < 2)).toBe(true);
    expect(middles.some(([, y]) => y! > plotTop.bottom)).toBe(true);
  });

  test("shows the recall of each class", () => {
    const texts = drawnTexts(root).map(({ text }) => text);
    expect(texts).toEqual(expect.arrayContaining(["80.0 %", "99.9 %", "none"]));
  });

  test("has colours by share of the row: correct predictions and mistakes differ, and 0.1 % is not white", () => {
    const paleness = ({ fill }: { fill: string }) => contrast(fill, "#000000");
    expect(paleness(bb!)).toBeLessThan(paleness(aa!));
    expect(paleness(ab!)).toBeLessThan(paleness(ac!));
    expect(paleness(ac!)).toBeLessThan(paleness(ba!));
    expect(paleness(ba!)).toBeLessThan(paleness(bc!));
    expect(ba!.fill).not.toBe(bc!.fill);
    // The same share of a row, once right, once mistaken.
    const [right, mistaken] = cells(
      draw(
        [
          [5, 5],
          [0, 1],
        ],
        ["a", "b"],
      ),
    );
    expect(right!.fill).not.toBe(mistaken!.fill);
  });

  test("has counts that can be read on every colour", () => {
    const shares = Array.from({ length: 40 }, (_, i) => [
      [i, 39 - i],
      [39 - i, i],
    ]);
    for (const table of [confusion(FASHION).confusion, ...shares]) {
      const drawn = draw(table, table.length === 2 ? ["a", "b"] : FASHION);
      const fills = new Map(cells(drawn).map(({ x, y, fill }) => [`${x} ${y}`, fill]));
      for (const { x, y, fill } of counts(drawn)) {
        expect(contrast(fill, fills.get(`${x} ${y}`)!)).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  test("that is not square is refused", () => {
    expect(() => draw([], [])).toThrow(new RangeError("no classes to draw"));
    expect(() => draw(TABLE.slice(1))).toThrow("a confusion table of 3 classes has as many rows and columns");
    expect(() =>
      draw([
        [1, 2, 3],
        [1, 2],
        [1, 2, 3],
      ]),
    ).toThrow(RangeError);
    expect(() =>
      draw([
        [1, 0, 0],
        [0, 1, Number.NaN],
        [0, 0, 1],
      ]),
    ).toThrow(/bee predicted as cat is NaN, not a count/);
    expect(() =>
      draw([
        [0.5, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ]),
    ).toThrow(RangeError);
  });
});

describe("a confusion matrix of many classes", () => {
  const names = Array.from({ length: 40 }, (_, i) => `name ${i}`);
  const root = parseFigure(drawSvg(confusionFigure, confusion(names, 300)));

  test("has cells of confusions only, their counts as tooltips, and every name for its row and column", () => {
    const { confusion: table } = confusion(names, 300);
    const shown = table.flatMap((row) => row.filter((count) => count > 0));
    expect(counts(root)).toEqual([]);
    expect(cells(root)).toHaveLength(shown.length);
    expect(shown.length).toBeLessThan(40 * 40);
    expect(cells(root)[0]!.title).toBe(
      `name 0 predicted as name 0: ${table[0]![0]} (${(table[0]![0]! / 3).toFixed(2)} %)`,
    );
    const named = drawnTexts(root).filter(({ text }) => text === "name 7");
    expect(named.map(({ box }) => box === undefined)).toEqual([false, true]);
  });

  test("has each upright name above the middle of its column", () => {
    const { confusion: table } = confusion(names, 300);
    const upright = drawnTexts(root).filter(({ text, box }) => /^name/.test(text) && box === undefined);
    const diagonal = cells(root).filter(({ title }) => /^(name \d+) predicted as \1:/.test(title ?? ""));
    expect([upright.length, diagonal.length]).toEqual([40, table.length]);
    for (const [i, { corners }] of upright.entries()) {
      const middle = (Math.min(...corners.map(([x]) => x)) + Math.max(...corners.map(([x]) => x))) / 2;
      expect(Math.abs(middle - diagonal[i]!.x)).toBeLessThan(3);
    }
  });
});
