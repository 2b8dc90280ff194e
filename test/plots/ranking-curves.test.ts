import { describe, expect, test } from "vitest";
import { drawSvg } from "../../src/plots/node/render.ts";
import { precisionRecallFigure, type RankedClass, rocFigure } from "../../src/plots/ranking-curves.ts";
import { all, axisOf, type Drawn, drawnTexts, parseFigure, pathPoints } from "./read-figure.ts";

const CLASSES: readonly RankedClass[] = [
  { label: "ant", area: 0.9, points: pointsOf([0, 0], [0, 0.6], [0.5, 1], [1, 1]) },
  { label: "bee", area: 0.7, points: pointsOf([0, 0], [0.2, 0.4], [1, 1]) },
];

function pointsOf(...pairs: readonly (readonly [number, number])[]) {
  return pairs.map(([x, y]) => ({ x, y }));
}

/** The line of a class or of the mean, in percent. */
function line(root: Drawn, name: string): [number, number][] {
  const [x, y] = [axisOf(root, "x"), axisOf(root, "y")];
  const [path] = all(root, `[aria-description="${name}"] path`);
  return pathPoints(path!).map(([a, b]) => [Math.round(10 * x(a)) / 10, Math.round(10 * y(b)) / 10]);
}

describe("ROC curves", () => {
  const root = parseFigure(drawSvg(rocFigure, { title: "ROC", classes: CLASSES }));

  test("are drawn from point to point, and the lowest one stands out", () => {
    expect(line(root, "ant")).toEqual([
      [0, 0],
      [0, 60],
      [50, 100],
      [100, 100],
    ]);
    expect(line(root, "lowest: bee")).toEqual([
      [0, 0],
      [20, 40],
      [100, 100],
    ]);
  });

  test("have their mean at each false positive rate: from both curves' lines, at a vertical part its end", () => {
    const mean = new Map(line(root, "mean"));
    // Ant: 60, 76, 100, 100; bee: 0, 40, 62.5, 100. The first point at 0 is the corner.
    expect([mean.get(0), mean.get(20), mean.get(50), mean.get(100)]).toEqual([30, 58, 81.3, 100]);
    expect(line(root, "mean")[0]).toEqual([0, 0]);
  });

  test("have the areas in the legend, with their mean", () => {
    const texts = drawnTexts(root).map(({ text }) => text);
    expect(texts).toEqual(
      expect.arrayContaining(["mean of the classes, AUC 0.8000", "lowest: bee, 0.7000", "each class", "chance"]),
    );
  });

  test("of a single class have no mean", () => {
    const single = parseFigure(drawSvg(rocFigure, { title: "ROC", classes: CLASSES.slice(0, 1) }));
    expect(all(single, '[aria-description="mean"]')).toEqual([]);
    expect(drawnTexts(single).map(({ text }) => text)).toContain("ant, 0.9000");
  });

  test("of thousands of points are thinned to what can be seen, ends included", () => {
    const points = Array.from({ length: 5001 }, (_, i) => ({ x: i / 5000, y: Math.sqrt(i / 5000) }));
    const dense = parseFigure(drawSvg(rocFigure, { title: "ROC", classes: [{ label: "ant", area: 0.7, points }] }));
    const drawn = line(dense, "lowest: ant");
    expect(drawn.length).toBeLessThan(400);
    expect([drawn[0], drawn.at(-1)]).toEqual([
      [0, 0],
      [100, 100],
    ]);
    for (const [x, y] of drawn) expect(Math.abs(x - y ** 2 / 100)).toBeLessThan(0.3);
  });

  test("that cannot be drawn are refused", () => {
    const draw = (classes: readonly RankedClass[]) => drawSvg(rocFigure, { title: "ROC", classes });
    expect(() => draw([])).toThrow(new RangeError("no classes to draw"));
    expect(() => draw([{ ...CLASSES[0]!, points: [] }])).toThrow(new RangeError("no points of ant to draw"));
    expect(() => draw([{ ...CLASSES[0]!, area: Number.NaN }])).toThrow(RangeError);
    expect(() => draw([{ ...CLASSES[0]!, points: pointsOf([0, 0], [1, 1.2]) }])).toThrow(RangeError);
  });
});

describe("precision-recall curves", () => {
  const classes = [
    { label: "ant", area: 0.8, points: pointsOf([0, 1], [0.5, 1], [1, 0.6]) },
    { label: "bee", area: 0.35, points: pointsOf([0, 1], [0.5, 0.5], [1, 0.2]) },
  ];
  const root = parseFigure(drawSvg(precisionRecallFigure, { title: "Precision and recall", classes }));

  test("have their mean at each recall: of the steps, whose area is the average precision", () => {
    const mean = line(root, "mean");
    const at = (recall: number) => mean.filter(([x]) => x === recall).map(([, y]) => y);
    // Steps: 100 and 50 up to recall 50, then 60 and 20.
    expect(at(25)).toContain(75);
    expect(at(50)).toContain(75);
    expect(at(75)).toContain(40);
    expect(at(100)).toContain(40);
    expect(mean[0]).toEqual([0, 100]);
  });

  test("have average precisions in the legend", () => {
    const texts = drawnTexts(root).map(({ text }) => text);
    expect(texts).toContain("mean of the classes, average precision 0.5750");
    expect(texts).toContain("lowest: bee, 0.3500");
  });
});
