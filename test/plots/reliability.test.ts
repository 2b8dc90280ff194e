import { describe, expect, test } from "vitest";
import { drawSvg } from "../../src/plots/node/render.ts";
import { type Reliability, reliabilityFigure } from "../../src/plots/reliability.ts";
import { reliability } from "./example-figures.ts";
import { all, axisOf, type Drawn, drawnTexts, numbersOf, parseFigure, pathPoints } from "./read-figure.ts";

const draw = (input: Partial<Reliability>) => parseFigure(drawSvg(reliabilityFigure, { ...reliability, ...input }));

/** Bars of one kind in percent; what lies between bars is less than 1 %. */
function bars(root: Drawn, kind: string, panel = 0) {
  const [x, y] = [axisOf(root, "x", panel), axisOf(root, "y", panel)];
  return all(root, `[aria-description="${kind}"] rect`).map((rect) => {
    const [left, top, width, height] = ["x", "y", "width", "height"].map((name) => numbersOf(rect, name)[0]!);
    return { from: x(left!), to: x(left! + width!), low: y(top! + height!), high: y(top!) };
  });
}

const bar = (from: number, to: number, low: number, high: number) => ({
  from: expect.closeTo(from, 0),
  to: expect.closeTo(to, 0),
  low: expect.closeTo(low, 3),
  high: expect.closeTo(high, 3),
});

describe("a reliability diagram", () => {
  const root = draw({});
  const fifteenth = 100 / 15;

  test("has a bar for each interval of confidence, whose height is the accuracy", () => {
    expect(bars(root, "accuracy")).toEqual([
      bar(5 * fifteenth, 6 * fifteenth, 0, 25),
      bar(7 * fifteenth, 8 * fifteenth, 0, 55),
      bar(13 * fifteenth, 14 * fifteenth, 0, 86),
      bar(14 * fifteenth, 100, 0, 98.5),
    ]);
  });

  test("shades the gap between accuracy and confidence, by its direction", () => {
    expect(bars(root, "too sure")).toEqual([
      bar(5 * fifteenth, 6 * fifteenth, 25, 37),
      bar(13 * fifteenth, 14 * fifteenth, 86, 90),
      bar(14 * fifteenth, 100, 98.5, 99),
    ]);
    expect(bars(root, "not sure enough")).toEqual([bar(7 * fifteenth, 8 * fifteenth, 50, 55)]);
  });

  test("has a diagonal, and shows the expected calibration error", () => {
    const [x, y] = [axisOf(root, "x"), axisOf(root, "y")];
    const [path] = all(root, '[aria-description="diagonal"] path');
    const ends = pathPoints(path!).map(([a, b]) => [Math.round(x(a)), Math.round(y(b))]);
    expect(ends).toEqual([
      [0, 0],
      [100, 100],
    ]);
    const texts = drawnTexts(root).map(({ text }) => text);
    expect(texts.join(" ")).toContain("expected calibration error 2.31 %");
    expect(texts).toEqual(expect.arrayContaining(["share of the 10,000 answers, %", "confidence, %", "accuracy, %"]));
  });

  test("shows the number of predictions below", () => {
    expect(bars(root, "share", 1).map(({ high }) => high)).toEqual([0.2, 1.8, 8, 90].map((x) => expect.closeTo(x, 3)));
  });

  test("accepts other numbers of intervals; a confidence on an edge belongs to the interval below", () => {
    const bins = [
      { confidence: 0.5, accuracy: 0.6, count: 5 },
      { confidence: 1, accuracy: 1, count: 5 },
      { confidence: Number.NaN, accuracy: Number.NaN, count: 0 },
    ];
    expect(bars(draw({ bins, intervals: 10 }), "accuracy")).toEqual([bar(40, 50, 0, 60), bar(90, 100, 0, 100)]);
  });

  test("with invalid bins is refused", () => {
    const [bin] = reliability.bins;
    expect(() => draw({ bins: [] })).toThrow(new RangeError("no answers to draw"));
    expect(() => draw({ bins: [{ ...bin!, count: 0 }] })).toThrow(new RangeError("no answers to draw"));
    expect(() => draw({ bins: [bin!, { ...bin!, confidence: 0.36 }] })).toThrow(/two bins lie in the same of 15/);
    expect(() => draw({ bins: [{ ...bin!, accuracy: 98 }] })).toThrow(/is 98, not a share from 0 to 1/);
    expect(() => draw({ bins: [{ ...bin!, confidence: Number.NaN }] })).toThrow(RangeError);
    expect(() => draw({ bins: [{ ...bin!, count: 1.5 }] })).toThrow(/1.5, not a count/);
    expect(() => draw({ calibrationError: Number.NaN })).toThrow(/the calibration error is NaN/);
    expect(() => draw({ intervals: 0 })).toThrow(RangeError);
  });
});
