import { describe, expect, test } from "vitest";
import { gatherMetrics, pooledMetrics } from "../../src/evaluation/metrics.ts";

const NAMES = ["ant", "bee", "cat"];

/** One row of logits for each answer: `likes` scores 2, the others 0. */
const answers = (...likes: number[]) => likes.flatMap((like) => NAMES.map((_, label) => (label === like ? 2 : 0)));

/** The metrics of one batch. */
function metricsOf(logits: ArrayLike<number>, labels: readonly number[], names = NAMES) {
  const gatherer = gatherMetrics(names);
  gatherer.add(logits, labels, labels.length);
  return gatherer.metrics();
}

describe("metrics of six predictions, by hand", () => {
  // Labels:    ant ant ant bee bee cat
  // Predicted: ant ant bee bee cat cat
  const metrics = metricsOf(answers(0, 0, 1, 1, 2, 2), [0, 0, 0, 1, 1, 2]);

  test("have a confusion matrix: rows are labels, columns predictions", () => {
    expect(metrics.confusion).toEqual([
      [2, 1, 0],
      [0, 1, 1],
      [0, 0, 1],
    ]);
  });

  test("give the accuracy with its numerator, denominator and binomial standard error", () => {
    expect(metrics).toMatchObject({ correct: 4, total: 6, accuracy: 4 / 6 });
    expect(metrics.standardError).toBeCloseTo(Math.sqrt(((4 / 6) * (2 / 6)) / 6), 15);
  });

  test("give each prediction with its probability", () => {
    const probability = Math.exp(2) / (Math.exp(2) + 2);
    expect(metrics.predictions.predicted).toEqual([0, 0, 1, 1, 2, 2]);
    for (const confidence of metrics.predictions.confidence) expect(confidence).toBeCloseTo(probability, 12);
  });

  test("give precision by column, recall by row, and their harmonic mean", () => {
    expect(metrics.perClass.map(({ label, support }) => [label, support])).toEqual([
      ["ant", 3],
      ["bee", 2],
      ["cat", 1],
    ]);
    expect(metrics.perClass.map(({ precision }) => precision)).toEqual([2 / 2, 1 / 2, 1 / 2]);
    expect(metrics.perClass.map(({ recall }) => recall)).toEqual([2 / 3, 1 / 2, 1 / 1]);
    expect(metrics.perClass.map(({ f1 }) => f1)).toEqual([
      expect.closeTo(4 / 5, 15),
      expect.closeTo(1 / 2, 15),
      expect.closeTo(2 / 3, 15),
    ]);
  });

  test("give the loss as PyTorch's cross_entropy does: the mean of log(sum(exp(logits))) - logit of the label", () => {
    const logSum = Math.log(Math.exp(2) + 2);
    expect(metrics.loss).toBeCloseTo(logSum - (4 * 2) / 6, 12);
  });
});

describe("metrics", () => {
  test("of logits far from 0 neither overflow nor lose precision", () => {
    // By hand: ln(1 + e^-1 + e^-2) - 0, and the same plus 1: nothing else of the size of the logits matters.
    const loss = Math.log(1 + Math.exp(-1) + Math.exp(-2));
    for (const shift of [0, 1e4, -1e4]) {
      const logits = [0, -1, -2, 0, -1, -2].map((logit) => logit + shift);
      expect(metricsOf(logits, [0, 1]).loss).toBeCloseTo(loss + 0.5, 11);
    }
    expect(metricsOf([1000, 0, -1000], [2]).loss).toBe(2000);
  });

  test("take the first of equally large logits, as PyTorch's and NumPy's argmax do", () => {
    expect(metricsOf([1, 1, 1, 0, 5, 5, -0, 0, -1], [0, 1, 0]).confusion).toEqual([
      [2, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
    ]);
  });

  test("count an image among the top five if fewer than five classes come before its label", () => {
    const names = ["a", "b", "c", "d", "e", "f", "g"];
    const falling = [7, 6, 5, 4, 3, 2, 1];
    const top5Of = (logits: readonly number[], label: number) => metricsOf(logits, [label], names).top5;
    expect([0, 4, 5, 6].map((label) => top5Of(falling, label))).toEqual([1, 1, 0, 0]);
    // Of equal logits the first come first, as for the accuracy; a NaN is the largest.
    const equal = [1, 1, 1, 1, 1, 1, 1];
    expect([4, 5].map((label) => top5Of(equal, label))).toEqual([1, 0]);
    const lastIsNaN = [...falling.slice(0, 6), Number.NaN];
    expect([3, 4, 6].map((label) => top5Of(lastIsNaN, label))).toEqual([1, 0, 1]);
    expect(metricsOf([...falling, ...falling], [0, 6], names).top5).toBe(0.5);
  });

  test("have no top-5 accuracy with five classes or fewer", () => {
    expect(metricsOf([1, 2, 3, 4, 5], [0], ["a", "b", "c", "d", "e"])).not.toHaveProperty("top5");
    expect(metricsOf([1, 2, 3, 4, 5, 6], [0], ["a", "b", "c", "d", "e", "f"]).top5).toBe(0);
  });

  test("of a class without images or without predictions have ratios of 0, not NaN", () => {
    const { perClass } = metricsOf(answers(0, 0, 2), [0, 1, 0]);
    expect(perClass).toEqual([
      { label: "ant", precision: 1 / 2, recall: 1 / 2, f1: 1 / 2, support: 2 },
      { label: "bee", precision: 0, recall: 0, f1: 0, support: 1 },
      { label: "cat", precision: 0, recall: 0, f1: 0, support: 0 },
    ]);
  });

  test("ignore padding: rows after `count` change nothing", () => {
    const gatherer = gatherMetrics(NAMES);
    gatherer.add(answers(0, 1, 1), [0, 1, 2], 2);
    gatherer.add(answers(2, 0, 0), [2, 1, 1], 1);
    expect(gatherer.metrics()).toEqual(metricsOf(answers(0, 1, 2), [0, 1, 2]));
    expect(gatherer.metrics()).toMatchObject({ total: 3, correct: 3, accuracy: 1, standardError: 0 });
  });

  test("accumulated in parts are those of the whole, weighted by images and not by parts", () => {
    const labels = [0, 1, 2, 0, 1];
    const logits = Array.from({ length: 15 }, (_, i) => Math.sin(i));
    const gatherer = gatherMetrics(NAMES);
    gatherer.add(logits.slice(0, 12), labels.slice(0, 4), 4);
    gatherer.add(logits.slice(12), labels.slice(4), 1);
    expect(gatherer.metrics()).toEqual(metricsOf(logits, labels));
  });

  test("of a NaN logit: it counts as the largest, and the loss is NaN", () => {
    const { confusion, loss, total } = metricsOf([1, Number.NaN, 3, 4, 0, 0], [0, 0]);
    expect(confusion).toEqual([
      [1, 1, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect({ loss, total }).toEqual({ loss: Number.NaN, total: 2 });
  });

  test("of no images are refused", () => {
    expect(() => gatherMetrics(NAMES).metrics()).toThrow(new RangeError("metrics of no images"));
  });
});

describe("metrics of parts, pooled", () => {
  const names = ["a", "b", "c", "d", "e", "f"];
  // No two logits are equal, and one row is worse than the next.
  const rows = Array.from({ length: 11 }, (_, row) =>
    names.map((_, label) => Math.sin(7 * row + 3 * label) * (1 + row)),
  );
  const labels = rows.map((_, row) => (5 * row) % names.length);
  const part = (from: number, end: number) => metricsOf(rows.slice(from, end).flat(), labels.slice(from, end), names);

  test("are those of all images together", () => {
    const { loss, top5, ...pooled } = pooledMetrics([part(0, 2), part(2, 9), part(9, 11)]);
    const { loss: wholeLoss, top5: wholeTop5, ...whole } = part(0, 11);
    expect(pooled).toEqual(whole);
    expect(loss).toBeCloseTo(wholeLoss, 12);
    expect(top5).toBeCloseTo(wholeTop5!, 12);
    expect(top5).toBeLessThan(1);
  });

  test("of up to five classes have no top 5, as theirs do", () => {
    const one = metricsOf(answers(0, 1), [0, 2]);
    expect(pooledMetrics([one, one])).not.toHaveProperty("top5");
  });
});
