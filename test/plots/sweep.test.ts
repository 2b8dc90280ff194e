import { describe, expect, test } from "vitest";
import { drawSvg } from "../../src/plots/node/render.ts";
import { type SweepFigure, sweepFigure } from "../../src/plots/sweep.ts";
import { all, drawnTexts, parseFigure, symbolPoint, toFigure } from "./read-figure.ts";

const FIGURE: SweepFigure = {
  title: "Recipe base",
  panels: [
    {
      field: "learningRate",
      points: [
        { x: 0.01, accuracy: 0.93, standardDeviation: null, kind: "best" },
        { x: 0.001, accuracy: 0.91, standardDeviation: null, kind: "last rung" },
        { x: 0.0001, accuracy: 0.89, standardDeviation: null, kind: "earlier rung" },
      ],
    },
    {
      field: "optimizer.kind",
      values: ["adam", "muon"],
      points: [
        { x: "muon", accuracy: 0.93, standardDeviation: null, kind: "best" },
        { x: "adam", accuracy: 0.91, standardDeviation: null, kind: "last rung" },
        { x: "adam", accuracy: 0.89, standardDeviation: null, kind: "earlier rung" },
      ],
    },
  ],
};

describe("a sweep's figure", () => {
  const root = parseFigure(drawSvg(sweepFigure, FIGURE));
  /** Where the points of a kind stand, panel by panel. */
  const at = (kind: string) =>
    all(root, `[aria-description="${kind}"] > *`).map((mark) => toFigure(mark.parentElement!, symbolPoint(mark)));

  test("has each candidate in each panel, higher where it is better", () => {
    const [best, last, earlier] = [at("best"), at("last rung"), at("earlier rung")];
    for (const panel of [0, 1]) {
      expect(best[panel]![1]).toBeLessThan(last[panel]![1]);
      // 93, 91 and 89 %: as far from each other.
      expect(last[panel]![1] - best[panel]![1]).toBeCloseTo(earlier[panel]![1] - last[panel]![1], 3);
    }
    expect(best[0]![1]).toBeCloseTo(best[1]![1], 6);
  });

  test("has ranges on a logarithmic axis and listed values side by side in their order", () => {
    const [best, last, earlier] = [at("best"), at("last rung"), at("earlier rung")];
    expect(best[0]![0] - last[0]![0]).toBeCloseTo(last[0]![0] - earlier[0]![0], 3);
    expect(best[0]![0]).toBeGreaterThan(last[0]![0]);
    expect(last[1]![0]).toBeCloseTo(earlier[1]![0], 6);
    expect(best[1]![0]).toBeGreaterThan(last[1]![0]);
  });

  test("shows fields, values and a legend of the marks", () => {
    const texts = drawnTexts(root).map(({ text }) => text);
    expect(texts).toEqual(
      expect.arrayContaining([
        "learningRate",
        "optimizer.kind",
        "adam",
        "muon",
        "the best",
        "trained for fewer epochs",
      ]),
    );
  });

  test("that cannot be drawn is refused", () => {
    const draw = (panels: SweepFigure["panels"]) => () => drawSvg(sweepFigure, { title: "t", panels });
    expect(draw([])).toThrow(new RangeError("no fields to draw"));
    expect(draw([{ field: "a", values: ["1"], points: [] }])).toThrow(new RangeError("no candidates to draw"));
    expect(
      draw([{ field: "a", points: [{ x: 1, accuracy: Number.NaN, standardDeviation: null, kind: "best" }] }]),
    ).toThrow(RangeError);
  });

  test("draws the spread of the seeds, and labels of a range do not overlap", () => {
    const points = [0.001, 0.0123, 0.03].map((x, i) => ({
      x,
      accuracy: 0.9,
      standardDeviation: i === 0 ? 0.01 : null,
      kind: "last rung" as const,
    }));
    const one = parseFigure(drawSvg(sweepFigure, { title: "x", panels: [{ field: "learningRate", points }] }));
    expect(all(one, '[data-part="rule"] line')).toHaveLength(1);
    const labels = drawnTexts(one)
      .flatMap(({ text, box }) => (/^0\.0\d+$/.test(text) && box ? [box] : []))
      .toSorted((a, b) => a.left - b.left);
    expect(labels.length).toBeGreaterThanOrEqual(2);
    for (const [i, { left }] of labels.entries()) if (i > 0) expect(labels[i - 1]!.right).toBeLessThan(left);
  });

  test("labels a range without round numbers by its ends", () => {
    const points = [0.91, 0.98].map((x) => ({ x, accuracy: 0.9, standardDeviation: null, kind: "best" as const }));
    const one = parseFigure(drawSvg(sweepFigure, { title: "x", panels: [{ field: "optimizer.momentum", points }] }));
    expect(drawnTexts(one).map(({ text }) => text)).toEqual(expect.arrayContaining(["0.91", "0.98"]));
  });
});
