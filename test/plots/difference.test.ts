import { describe, expect, test } from "vitest";
import { type DifferenceRow, differenceFigure } from "../../src/plots/difference.ts";
import { drawSvg } from "../../src/plots/node/render.ts";
import { all, axisOf, drawnTexts, numbersOf, parseFigure, symbolPoint, toFigure } from "./read-figure.ts";

const draw = (rows: readonly DifferenceRow[]) =>
  parseFigure(drawSvg(differenceFigure, { title: "Enhanced minus Base", xLabel: "points of test accuracy", rows }));

describe("differences", () => {
  const root = draw([
    { name: "The study", difference: 0.0171, note: "1 run" },
    { name: "Ours", difference: 0.0093, low: 0.0071, high: 0.0115 },
    { name: "Worse", difference: -0.0031, low: -0.0062, high: 0.0001 },
  ]);
  const x = axisOf(root, "x");
  const points = all(root, '[aria-description="differences"] circle');

  test("are drawn at their points, with a line at zero", () => {
    expect(points.map((point) => x(symbolPoint(point)[0]))).toEqual(
      [1.71, 0.93, -0.31].map((value) => expect.closeTo(value, 6)),
    );
    const [zero] = all(root, '[aria-description="zero"] line');
    expect(x(numbersOf(zero!, "x1")[0]!)).toBeCloseTo(0, 6);
  });

  test("have their intervals, if they have any", () => {
    const intervals = all(root, '[aria-description="intervals"] line').map((line) =>
      ["x1", "x2"].map((end) => x(numbersOf(line, end)[0]!)),
    );
    expect(intervals).toEqual([
      [expect.closeTo(0.71, 6), expect.closeTo(1.15, 6)],
      [expect.closeTo(-0.62, 6), expect.closeTo(0.01, 6)],
    ]);
  });

  test("are filled only where the interval excludes zero", () => {
    const fills = points.map((point) => point.getAttribute("fill"));
    expect(fills[0]).toBe("#ffffff");
    expect(fills[1]).not.toBe("#ffffff");
    expect(fills[2]).toBe("#ffffff");
  });

  test("are labelled with their signs, in the rows of their points", () => {
    const texts = drawnTexts(root);
    const said = ["+1.71", "+0.93 (+0.71 to +1.15)", "−0.31 (−0.62 to +0.01)"];
    for (const [i, wanted] of said.entries()) {
      const [name, number] = [["The study", "Ours", "Worse"][i]!, wanted].map((text) =>
        texts.find((drawn) => drawn.text === text),
      );
      const [, height] = toFigure(points[i]!, symbolPoint(points[i]!));
      for (const text of [name, number]) {
        expect(Math.abs((text!.box!.top + text!.box!.bottom) / 2 - height)).toBeLessThan(10);
      }
    }
    expect(texts.map(({ text }) => text)).toEqual(expect.arrayContaining(["1 run", "points of test accuracy"]));
  });

  test("include zero in the axis when all are on one side", () => {
    const positive = draw([{ name: "Ours", difference: 0.5 }]);
    const [zero] = all(positive, '[aria-description="zero"] line');
    expect(axisOf(positive, "x")(numbersOf(zero!, "x1")[0]!)).toBeCloseTo(0, 6);
    expect(numbersOf(zero!, "x1")[0]).toBeGreaterThan(30);
  });

  test("that cannot be drawn are refused", () => {
    expect(() => draw([])).toThrow(new RangeError("no differences to draw"));
    expect(() => draw([{ name: "a", difference: Number.NaN }])).toThrow(
      new RangeError("the difference of a is NaN, which cannot be drawn"),
    );
    expect(() => draw([{ name: "a", difference: 1, low: -Infinity, high: 2 }])).toThrow(RangeError);
    expect(() => draw([{ name: "a", difference: 0.01, low: 0.02, high: 0.03 }])).toThrow(
      new RangeError("the difference of a is 0.01, outside its interval of 0.02 to 0.03"),
    );
  });
});
