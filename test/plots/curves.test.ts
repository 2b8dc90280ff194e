import { describe, expect, test } from "vitest";
import { accuracyCurves, curvesOverview, lossCurves } from "../../src/plots/curves.ts";
import { drawSvg } from "../../src/plots/node/render.ts";
import type { CurveEpoch, TrainingCurves } from "../../src/plots/training-curves.ts";
import { curves } from "./example-figures.ts";
import { all, axisOf, type Drawn, drawnTexts, numbersOf, parseFigure, pathPoints, symbolPoint } from "./read-figure.ts";

/** Epochs and values of the n-th line or area that is described so, read back by the axes. */
function read(root: Drawn, description: string, which = 0, panel = 0): [number, number][] {
  const [x, y] = [axisOf(root, "x", panel), axisOf(root, "y", panel)];
  const group = all(root, `[aria-description="${description}"]`)[which]!;
  return [...group.children].flatMap((child) =>
    (child.tagName === "path" && child.getAttribute("d") ? pathPoints(child) : [symbolPoint(child)]).map(
      ([across, down]): [number, number] => [x(across), y(down)],
    ),
  );
}

const close = (points: readonly (readonly [number, number])[]) =>
  points.map(([x, y]) => [expect.closeTo(x, 3), expect.closeTo(y, 3)]);

/** Where the ticks of the n-th axis of epochs stand. */
const axisBottom = (root: Drawn, panel: number) =>
  numbersOf([...all(root, '[data-part="x-axis tick"]')[panel]!.children][0]!, "transform")[1]!;

const texts = (root: Drawn) => drawnTexts(root).map(({ text }) => text);

const epoch = (number: number, accuracy: number, validation: number | null): CurveEpoch => ({
  ...{ epoch: number, trainAccuracy: accuracy, trainLoss: 1 - accuracy },
  ...{ validationAccuracy: validation, validationLoss: validation === null ? null : 1 - validation },
});

describe("curves of one run", () => {
  const run = [epoch(1, 0.8, 0.85), epoch(2, 0.9, 0.89), epoch(3, 0.95, 0.91)];
  const one: TrainingCurves = { model: "Base", runs: [{ seed: 1, epochs: run }] };
  const accuracy = parseFigure(drawSvg(accuracyCurves, one));
  const loss = parseFigure(drawSvg(lossCurves, one));

  test("are drawn at their epochs and values, in percent and in nats", () => {
    expect(read(accuracy, "train")).toEqual(close(run.map((at) => [at.epoch, 100 * at.trainAccuracy])));
    expect(read(accuracy, "validation")).toEqual(close(run.map((at) => [at.epoch, 100 * at.validationAccuracy!])));
    expect(read(accuracy, "train points")).toEqual(close(read(accuracy, "train")));
    expect(read(loss, "train")).toEqual(close(run.map((at) => [at.epoch, at.trainLoss])));
    expect(read(loss, "validation")).toEqual(close(run.map((at) => [at.epoch, at.validationLoss!])));
  });

  test("shade the gap between them", () => {
    const forth = run.map((at): [number, number] => [at.epoch, 100 * at.trainAccuracy]);
    const back = run.map((at): [number, number] => [at.epoch, 100 * at.validationAccuracy!]).reverse();
    const corners = read(accuracy, "gap").map(([x, y]) => `${x.toFixed(3)} ${y.toFixed(3)}`);
    expect(corners.sort()).toEqual([...forth, ...back].map(([x, y]) => `${x.toFixed(3)} ${y.toFixed(3)}`).sort());
  });

  test("show the last values and the gap between training and validation", () => {
    expect(texts(accuracy)).toEqual(
      expect.arrayContaining(["train 95.00 %", "validation 91.00 %", "gap +4.00 points", "accuracy, %", "epoch"]),
    );
    expect(texts(loss)).toEqual(expect.arrayContaining(["train 0.0500", "validation 0.0900", "gap +0.0400"]));
  });

  test("differ by dashes, without relying on colours", () => {
    const dashes = (of: string) => all(accuracy, `[aria-description="${of}"]`)[0]!.getAttribute("stroke-dasharray");
    expect([dashes("train"), dashes("validation")]).toEqual(["7 4", null]);
  });

  test("have the given width, the same values, and a height of at most three quarters of it", () => {
    const [wide, narrow] = [curves(1, 12), { ...curves(1, 12), width: 440 }].map((input) =>
      parseFigure(drawSvg(accuracyCurves, input)),
    );
    const size = (root: Drawn) => ["width", "height"].map((name) => Number(root.getAttribute(name)));
    expect(size(wide!)[0]).toBe(720);
    expect(size(narrow!)[0]).toBe(440);
    expect(size(narrow!)[1]).toBeLessThan(size(wide!)[1]!);
    expect(read(narrow!, "validation")).toEqual(close(read(wide!, "validation")));
  });

  test("need no validation", () => {
    const blind = {
      model: "Base",
      runs: [{ seed: 1, epochs: run.map((at) => epoch(at.epoch, at.trainAccuracy, null)) }],
    };
    const root = parseFigure(drawSvg(accuracyCurves, blind));
    expect(read(root, "train")).toHaveLength(3);
    expect(all(root, '[aria-description="validation"]')).toEqual([]);
    expect(texts(root).join()).not.toMatch(/validation|gap/);
  });

  test("of one epoch are points", () => {
    const root = parseFigure(drawSvg(accuracyCurves, { model: "Base", runs: [{ seed: 1, epochs: run.slice(0, 1) }] }));
    const [y] = [axisOf(root, "y")];
    const points = ["train points", "validation points"].map((name) => {
      const [circle] = all(root, `[aria-description="${name}"] circle`);
      return y(symbolPoint(circle!)[1]);
    });
    expect(points).toEqual([expect.closeTo(80, 4), expect.closeTo(85, 4)]);
  });
});

describe("curves of several runs", () => {
  test("are drawn for each run, with their mean", () => {
    const runs = [0.8, 0.84, 0.9].map((start, i) => ({ seed: i, epochs: [epoch(1, start, 0.5), epoch(2, 0.9, 0.6)] }));
    const root = parseFigure(drawSvg(accuracyCurves, { model: "Base", runs }));
    expect(all(root, '[aria-description="train of one seed"]')).toHaveLength(3);
    expect(read(root, "train of one seed", 2)).toEqual(
      close([
        [1, 90],
        [2, 90],
      ]),
    );
    expect(read(root, "train")).toEqual(
      close([
        [1, (80 + 84 + 90) / 3],
        [2, 90],
      ]),
    );
  });

  test("have a mean only where every run has a value", () => {
    const short = { seed: 1, epochs: [epoch(1, 0.8, 0.81), epoch(2, 0.9, 0.91)] };
    const long = { seed: 2, epochs: [epoch(1, 0.7, null), epoch(2, 0.8, 0.83), epoch(3, 0.1, 0.2)] };
    const root = parseFigure(drawSvg(accuracyCurves, { model: "Base", runs: [long, short] }));
    expect(read(root, "train").map(([x]) => Math.round(x))).toEqual([1, 2]);
    expect(texts(root)).toEqual(expect.arrayContaining(["train 85.00 %", "validation 87.00 %"]));
  });
});

describe("a first epoch far off", () => {
  const later = [0.9, 0.92, 0.93, 0.935, 0.94].map((accuracy, i) => epoch(i + 2, accuracy, accuracy - 0.01));
  const far: TrainingCurves = { model: "Base", runs: [{ seed: 1, epochs: [epoch(1, 0.3, 0.5), ...later] }] };

  test("does not flatten the rest, and is given as text", () => {
    const accuracy = parseFigure(drawSvg(accuracyCurves, far));
    expect(texts(accuracy)).toContain("↓ epoch 1: train 30.00 %, validation 50.00 %");
    expect(texts(parseFigure(drawSvg(lossCurves, far)))).toContain("↑ epoch 1: train 0.7000, validation 0.5000");
    const line = read(accuracy, "train");
    expect(line.slice(1)).toEqual(close(later.map((at) => [at.epoch, 100 * at.trainAccuracy])));
    const [[x, y]] = line as [[number, number]];
    expect(y).toBeGreaterThan(85);
    // On the way from 30 at epoch 1 to 90 at epoch 2.
    expect(x).toBeCloseTo(1 + (y - 30) / 60, 4);
    const loss = parseFigure(drawSvg(lossCurves, far));
    const [[from, height]] = read(loss, "train") as [[number, number]];
    expect(height).toBeGreaterThan(0.1);
    expect(height).toBeLessThan(0.15);
    expect(from).toBeCloseTo(1 + (0.7 - height) / 0.6, 4);
  });

  test("is shown as it is when it is not that far", () => {
    const near = { model: "Base", runs: [{ seed: 1, epochs: [epoch(1, 0.84, 0.85), ...later] }] };
    expect(read(parseFigure(drawSvg(accuracyCurves, near)), "train")[0]).toEqual(close([[1, 84]])[0]);
  });
});

describe("the overview", () => {
  const better = Array.from({ length: 6 }, (_, i) => epoch(i + 1, 0.9 + 0.015 * i, 0.9));
  const models = [curves(1, 4), { model: "Enhanced", runs: [{ seed: 1, epochs: better }] }];
  const root = parseFigure(drawSvg(curvesOverview, { title: "Both", models }));

  test("has a column per model and one scale per row", () => {
    expect(texts(root)).toEqual(expect.arrayContaining(["Both", "Base", "Enhanced"]));
    for (const [panel, other] of [
      [0, 1],
      [2, 3],
    ] as const) {
      for (const pixel of [30, 150]) expect(axisOf(root, "y", panel)(pixel)).toBe(axisOf(root, "y", other)(pixel));
    }
    expect(axisOf(root, "y", 0)(30)).toBeGreaterThan(90);
    expect(axisOf(root, "y", 2)(30)).toBeLessThan(1);
    expect(read(root, "train", 1, 1).at(-1)).toEqual(
      close([[6, 100 * models[1]!.runs[0]!.epochs[5]!.trainAccuracy]])[0],
    );
    expect(read(root, "train", 0, 0).at(-1)).toEqual(
      close([[4, 100 * models[0]!.runs[0]!.epochs[3]!.trainAccuracy]])[0],
    );
    expect(read(root, "validation", 2, 2)[0]).toEqual(close([[1, models[0]!.runs[0]!.epochs[0]!.validationLoss!]])[0]);
  });

  test("shows all of the model that is better than the other", () => {
    const heights = all(root, '[aria-description="train"] path').flatMap((path) => pathPoints(path).map(([, y]) => y));
    const bottom = Math.max(...[0, 1, 2, 3].map((panel) => axisBottom(root, panel)));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(30);
    expect(Math.max(...heights)).toBeLessThanOrEqual(bottom);
  });

  test("of no models is refused", () => {
    expect(() => drawSvg(curvesOverview, { title: "None", models: [] })).toThrow(new RangeError("no models to draw"));
  });
});

describe("curves that cannot be drawn are refused:", () => {
  const draw = (...epochs: CurveEpoch[]) => drawSvg(lossCurves, { model: "Base", runs: [{ seed: 7, epochs }] });
  test("no runs", () => {
    expect(() => drawSvg(lossCurves, { model: "Base", runs: [] })).toThrow(new RangeError("no runs of Base to draw"));
  });
  test("no epochs", () => {
    expect(() => draw()).toThrow(new RangeError("no epochs of Base, seed 7 to draw"));
  });
  test("NaN, as of a run that diverged", () => {
    expect(() => draw({ ...epoch(1, 0.5, 0.5), trainLoss: Number.NaN })).toThrow(
      new RangeError("Base, seed 7, epoch 1: training loss is NaN, which cannot be drawn"),
    );
  });
  test("percent instead of a share", () => {
    expect(() => draw(epoch(1, 93.5, null))).toThrow(/training accuracy is 93.5, not a share from 0 to 1/);
    expect(() => draw({ ...epoch(1, 0.5, null), validationAccuracy: Number.NaN })).toThrow(RangeError);
  });
  test("epochs in disorder", () => {
    expect(() => draw(epoch(2, 0.5, null), epoch(2, 0.5, null))).toThrow(/epoch 2 follows epoch 2/);
    expect(() => draw(epoch(0, 0.5, null))).toThrow(RangeError);
  });
});
