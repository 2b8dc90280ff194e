import { describe, expect, test } from "vitest";
import type { CostPoint } from "../../src/plots/cost.ts";
import { costFigure } from "../../src/plots/cost.ts";
import { drawSvg } from "../../src/plots/node/render.ts";
import { ladder } from "./example-figures.ts";
import { all, axisOf, drawnTexts, numbersOf, parseFigure, pathPoints, symbolPoint, toFigure } from "./read-figure.ts";

const draw = (points: readonly CostPoint[]) => parseFigure(drawSvg(costFigure, { ...ladder, points }));
const published = (name: string, x: number, accuracy: number): CostPoint => ({ name, x, accuracy, kind: "published" });
const close = (x: number, y: number) => [expect.closeTo(x / 1e5, 3), expect.closeTo(100 * y, 3)];

describe("the figure of accuracy against cost", () => {
  const root = draw(ladder.points);
  const [x, y] = [axisOf(root, "x", 0, true), axisOf(root, "y")];

  test("has every point at its cost, on a logarithmic axis, and its accuracy", () => {
    const kinds = new Set(ladder.points.map(({ kind }) => kind));
    expect(kinds.size).toBe(4);
    for (const kind of kinds) {
      const drawn = all(root, `[aria-description="${kind}"]`).flatMap((group) =>
        [...group.children].map((symbol) => {
          const [across, down] = symbolPoint(symbol);
          return [x(across) / 1e5, y(down)] as const;
        }),
      );
      const wanted = ladder.points.filter((point) => point.kind === kind);
      expect(drawn).toHaveLength(wanted.length);
      for (const point of wanted) expect(drawn).toContainEqual(close(point.x, point.accuracy));
    }
  });

  test("has a symbol and a colour for each kind, with a legend", () => {
    const look = (kind: string) => {
      const group = all(root, `[aria-description="${kind}"]`)[0]!;
      const symbol = [...group.children][0]!;
      return [group.getAttribute("fill"), symbol.tagName, (symbol.getAttribute("d") ?? "").replace(/[\d.-]+/g, "")];
    };
    const looks = ["ours", "study", "published", "published, de-duplicated data"].map(look);
    expect(new Set(looks.map(([fill]) => fill)).size).toBe(4);
    expect(new Set(looks.map(([, tag, shape]) => `${tag} ${shape}`)).size).toBe(4);
    const texts = drawnTexts(root).map(({ text }) => text);
    expect(texts).toEqual(
      expect.arrayContaining([
        "ours",
        "study",
        "published",
        "published, de-duplicated data",
        "best accuracy for the cost",
      ]),
    );
  });

  test("names every point, ours and the study's with accuracy, and covers no symbol with a name", () => {
    const texts = drawnTexts(root);
    for (const { name, kind, accuracy } of ladder.points) {
      const said = kind === "ours" || kind === "study" ? `${name} ${(100 * accuracy).toFixed(2)} %` : name;
      expect(texts.map(({ text }) => text)).toContain(said);
    }
    const names = texts.filter(({ text }) => ladder.points.some(({ name }) => text.startsWith(name)));
    expect(names.length).toBe(ladder.points.length);
    const symbols = [...new Set(ladder.points.map(({ kind }) => kind))].flatMap((kind) =>
      all(root, `[aria-description="${kind}"]`).flatMap((group) =>
        [...group.children].map((symbol) => toFigure(group, symbolPoint(symbol))),
      ),
    );
    expect(symbols).toHaveLength(ladder.points.length);
    for (const { text, box } of names) {
      for (const [left, top] of symbols) {
        const covered = left > box!.left && left < box!.right && top > box!.top && top < box!.bottom;
        expect(covered, `${text} covers a symbol`).toBe(false);
      }
    }
  });

  test("shows the spread of those that have one", () => {
    const spreads = all(root, '[aria-description="spread"] line').map((line) => {
      const [top, bottom] = [numbersOf(line, "y1")[0]!, numbersOf(line, "y2")[0]!];
      return [x(numbersOf(line, "x1")[0]!) / 1e5, y(Math.max(top, bottom)), y(Math.min(top, bottom))];
    });
    const ours = ladder.points.filter(({ kind }) => kind === "ours");
    const wanted = ours.map((p) => [...close(p.x, p.low!), expect.closeTo(100 * p.high!, 3)]);
    expect(spreads).toHaveLength(2);
    expect(spreads).toEqual(expect.arrayContaining(wanted));
  });
});

describe("the Pareto front in the picture", () => {
  test("runs horizontally from each point to the next better one, then up, and on to the edge", () => {
    const root = draw([published("a", 1e5, 0.9), published("b", 1e6, 0.95), published("c", 5e5, 0.85)]);
    const [x, y] = [axisOf(root, "x", 0, true), axisOf(root, "y")];
    const line = pathPoints(all(root, '[aria-description="front"] path')[0]!).map(([a, b]) => [x(a) / 1e5, y(b)]);
    expect(line.slice(0, 3)).toEqual([close(1e5, 0.9), close(1e6, 0.9), close(1e6, 0.95)]);
    expect(line).toHaveLength(4);
    expect(line[3]![0]).toBeGreaterThan(10);
    expect(line[3]![1]).toBeCloseTo(95, 3);
  });
});

describe("names", () => {
  test("that do not fit are listed below", () => {
    const crowd = Array.from({ length: 90 }, (_, i) => published(`a rather long name, number ${i}`, 1e5 + i, 0.9));
    const texts = drawnTexts(draw(crowd)).map(({ text }) => text);
    const note = texts.slice(texts.findIndex((text) => text.startsWith("No room for these names:"))).join(" ");
    for (const { name } of crowd) expect(texts.includes(name) || note.includes(name), name).toBe(true);
  });
});

describe("points that cannot be drawn are refused:", () => {
  test.each([
    ["none", [], "no points to draw"],
    ["no cost", [published("a", 0, 0.9)], "the cost of a is 0; a logarithmic axis begins above 0"],
    ["NaN", [published("a", Number.NaN, 0.9)], "the cost of a is NaN, which cannot be drawn"],
    ["percent", [published("a", 1, 93.5)], "the accuracy of a is 93.5, not a share from 0 to 1"],
    [
      "NaN spread",
      [{ ...published("a", 1, 0.9), low: Number.NaN }],
      "the accuracy of a is NaN, not a share from 0 to 1",
    ],
    [
      "a spread elsewhere",
      [{ ...published("a", 1, 0.9), low: 0.91, high: 0.92 }],
      "the accuracy of a is 0.9, outside its spread of 0.91 to 0.92",
    ],
  ] as const)("%s", (_, points, message) => {
    expect(() => draw(points)).toThrow(new RangeError(message));
  });
});
