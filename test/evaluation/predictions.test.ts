import { describe, expect, test } from "vitest";
import { calibrationOf } from "../../src/evaluation/calibration.ts";
import { gatherMetrics } from "../../src/evaluation/metrics.ts";
import { mostConfidentMistakes, mostConfusedPairs } from "../../src/evaluation/predictions.ts";

describe("predictions", () => {
  test("are in the order of the images, with the softmax probability of the predicted class", () => {
    const gatherer = gatherMetrics(["ant", "bee", "cat"]);
    gatherer.add([0, Math.log(2), 0, 700, 0, 0], [1, 2], 2);
    gatherer.add([-1000, -1000, -1000, 9, 9, 9], [2, 0], 1);
    expect(gatherer.metrics().predictions).toMatchObject({
      labels: [1, 2, 2],
      predicted: [1, 0, 0],
      confidence: [expect.closeTo(0.5, 15), 1, expect.closeTo(1 / 3, 15)],
    });
  });
});

describe("the most confident mistakes", () => {
  const predictions = {
    labels: [0, 1, 2, 0, 1],
    predicted: [1, 1, 0, 2, 0],
    confidence: [0.6, 0.99, 0.8, 0.8, 0.9],
  };

  test("are in order of decreasing confidence, without correct predictions, ties in the order of the images", () => {
    expect(mostConfidentMistakes(predictions, { count: 3 })).toEqual([
      { index: 4, label: 1, predicted: 0, confidence: 0.9 },
      { index: 2, label: 2, predicted: 0, confidence: 0.8 },
      { index: 3, label: 0, predicted: 2, confidence: 0.8 },
    ]);
  });

  test("are at most as many as requested", () => {
    expect(mostConfidentMistakes(predictions, { count: 10 })).toHaveLength(4);
    expect(mostConfidentMistakes(predictions, { count: 1 })).toHaveLength(1);
  });
});

describe("the most confused pairs", () => {
  test("sum both directions, in descending order, without pairs that are never confused", () => {
    const confusion = [
      [50, 3, 9],
      [4, 40, 0],
      [2, 0, 30],
    ];
    expect(mostConfusedPairs(confusion, { count: 5 })).toEqual([
      { a: 0, b: 2, aAsB: 9, bAsA: 2 },
      { a: 0, b: 1, aAsB: 3, bAsA: 4 },
    ]);
    expect(mostConfusedPairs(confusion, { count: 1 })).toHaveLength(1);
  });
});

describe("calibration", () => {
  test("is the distance of confidence and accuracy, bin by bin, weighted by count", () => {
    // Fifteen bins: 0.95 and 0.97 share the last one, 0.5 lies in the eighth.
    const calibration = calibrationOf({
      labels: [0, 0, 0, 0],
      predicted: [0, 1, 0, 0],
      confidence: [0.95, 0.97, 0.5, 0.5],
    });
    expect(calibration.bins).toEqual([
      { confidence: 0.5, accuracy: 1, count: 2 },
      { confidence: expect.closeTo(0.96, 12), accuracy: 0.5, count: 2 },
    ]);
    expect(calibration.error).toBeCloseTo((2 * 0.5 + 2 * 0.46) / 4, 12);
    expect(calibration.overconfidence).toBeCloseTo((0.95 + 0.97 + 1 - 3) / 4, 12);
  });

  test("puts a confidence on an edge into the bin below, and 1 into the last", () => {
    const single = (confidence: number[]) =>
      calibrationOf({ labels: confidence.map(() => 0), predicted: confidence.map(() => 0), confidence }).bins.length;
    expect(single([1 / 15, 0.5 / 15])).toBe(1);
    expect(single([1 / 15, 1.5 / 15])).toBe(2);
    expect(single([1, 14.5 / 15])).toBe(1);
  });

  test("of a classifier whose accuracy equals its confidence has error 0", () => {
    const labels = Array.from({ length: 100 }, () => 0);
    const predicted = labels.map((_, i) => (i < 80 ? 0 : 1));
    const { error } = calibrationOf({ labels, predicted, confidence: labels.map(() => 0.8) });
    expect(error).toBeCloseTo(0, 12);
  });

  test("of a NaN is NaN", () => {
    expect(calibrationOf({ labels: [0], predicted: [0], confidence: [Number.NaN] }).error).toBeNaN();
  });
});
