import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { gatherMetrics } from "../../src/evaluation/metrics.ts";
import { precisionRecallCurve, rankingOf, rocCurve } from "../../src/evaluation/ranking.ts";
import { hash, uniform } from "../golden/inputs.ts";

/** As described in test/golden/README.md. */
interface RankingGolden {
  readonly images: number;
  readonly classes: readonly {
    readonly auc: number;
    readonly averagePrecision: number;
    readonly falsePositiveRate: readonly number[];
    readonly truePositiveRate: readonly number[];
    readonly recall: readonly number[];
    readonly precision: readonly number[];
  }[];
  readonly top5: number;
}

const golden: RankingGolden = JSON.parse(readFileSync(new URL("../golden/ranking.json", import.meta.url), "utf8"));
const NAMES = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu"];
const TAG = 8000;
const labels = Array.from({ length: golden.images }, (_, image) => hash(TAG, image) % 6);
/** Multiples of 1/64, so that many are equal. */
const scores = Float64Array.from({ length: golden.images * NAMES.length }, (_, i) => {
  const isOwn = i % NAMES.length === labels[Math.floor(i / NAMES.length)];
  return Math.floor(((uniform(TAG + 1, i) + 1) / 2 + (isOwn ? 0.25 : 0)) * 64) / 64;
});
const answers = { labels, predicted: labels, confidence: labels.map(() => 1) };

describe("ranking by the probabilities of seven classes, many of them equal", () => {
  const ranking = rankingOf({ ...answers, probabilities: scores }, NAMES);

  test("has scikit-learn's areas under the curve and average precisions", () => {
    const [aucs, precisions] = [
      golden.classes.map(({ auc }) => auc),
      golden.classes.map((one) => one.averagePrecision),
    ];
    expect(ranking.classes.slice(0, 6).map(({ auc }) => auc)).toEqual(aucs.map((auc) => expect.closeTo(auc, 14)));
    expect(ranking.classes.slice(0, 6).map(({ averagePrecision }) => averagePrecision)).toEqual(
      precisions.map((precision) => expect.closeTo(precision, 14)),
    );
    expect(new Set(aucs).size).toBe(6);
  });

  test("has scikit-learn's curves, point by point", () => {
    for (const [label, { falsePositiveRate, truePositiveRate, recall, precision }] of golden.classes.entries()) {
      const points = (xs: readonly number[], ys: readonly number[]) =>
        xs.map((x, i) => ({ x: expect.closeTo(x, 14), y: expect.closeTo(ys[i]!, 14) }));
      expect(rocCurve(ranking.classes[label]!)).toEqual(points(falsePositiveRate, truePositiveRate));
      expect(precisionRecallCurve(ranking.classes[label]!)).toEqual(points(recall, precision));
    }
  });

  test("has means over the classes that have images, each with equal weight", () => {
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(ranking.macroAuc).toBeCloseTo(mean(golden.classes.map(({ auc }) => auc)), 14);
    expect(ranking.macroAveragePrecision).toBeCloseTo(mean(golden.classes.map((one) => one.averagePrecision)), 14);
  });

  test("has nothing to measure for a class without images", () => {
    const gnu = ranking.classes[6]!;
    expect(gnu).toMatchObject({ label: "gnu", positives: 0, negatives: 120, auc: null, averagePrecision: null });
    expect([rocCurve(gnu), precisionRecallCurve(gnu)]).toEqual([[], []]);
  });

  test("top-5 accuracy is scikit-learn's, where equal scores count as the accuracy counts them", () => {
    const gatherer = gatherMetrics(NAMES);
    gatherer.add(scores, labels, labels.length);
    expect(gatherer.metrics().top5).toBeCloseTo(golden.top5, 14);
    expect(golden.top5).toBeLessThan(1);
  });
});

describe("ranking", () => {
  const ranked = (labels: readonly number[], probabilities: readonly number[], names = ["no", "yes"]) =>
    rankingOf(
      { labels, predicted: labels, confidence: labels.map(() => 1), probabilities: Float64Array.from(probabilities) },
      names,
    );

  test("is perfect where each image of the class is above all others, and one half where all are equal", () => {
    const perfect = ranked([0, 1, 1], [0.9, 0.1, 0.2, 0.8, 0.3, 0.7]);
    expect([perfect.macroAuc, perfect.macroAveragePrecision]).toEqual([1, 1]);
    const equal = ranked([0, 1, 1], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
    expect(equal.macroAuc).toBe(0.5);
    expect(equal.classes.map(({ averagePrecision }) => averagePrecision)).toEqual([1 / 3, 2 / 3]);
  });

  test("of images of one class has an average precision, but no area", () => {
    const alike = ranked([1, 1], [0.9, 0.1, 0.2, 0.8]);
    expect(alike.classes[1]).toMatchObject({ auc: null, averagePrecision: 1 });
    expect([alike.macroAuc, alike.macroAveragePrecision]).toEqual([null, 1]);
    expect(rocCurve(alike.classes[1]!)).toEqual([]);
  });

  test("is refused for a probability that is not a number, and for another number of classes", () => {
    expect(() => ranked([0, 1], [0.5, 0.5, Number.NaN, 0.5])).toThrow("a probability is NaN");
    expect(() => ranked([0, 1], [0.5, 0.5], ["no", "yes"])).toThrow("2 probabilities are not those of 2 images");
  });

  test("takes the probabilities that the metrics have: softmax, in the order of the images and classes", () => {
    const gatherer = gatherMetrics(["ant", "bee"]);
    gatherer.add([0, Math.log(3), 5, 5], [1, 0], 1);
    gatherer.add([1000, 1000], [0], 1);
    const { probabilities } = gatherer.metrics().predictions;
    expect([...probabilities]).toEqual([expect.closeTo(0.25, 15), expect.closeTo(0.75, 15), 0.5, 0.5]);
  });
});
