import { expect, test } from "vitest";
import { doubtfulLabels } from "../../src/evaluation/doubtful-labels.ts";
import { userErrorOf } from "../runs/support/helpers.ts";

const LABELS = [0, 0, 1, 1, 2, 2];
const FIRST = { labels: LABELS, predicted: [1, 1, 1, 0, 0, 1], confidence: [0.95, 0.99, 0.99, 0.9, 0.97, 0.99] };
const SECOND = { labels: LABELS, predicted: [1, 2, 1, 0, 0, 1], confidence: [0.92, 0.99, 0.99, 0.7, 0.96, 0.98] };

test("doubtful labels are those that all classifiers confidently contradict, ranked by the lowest confidence", () => {
  // 1: they disagree; 2: the label is right; 3: the second is not confident.
  expect(doubtfulLabels([FIRST, SECOND], { confidence: 0.9 })).toEqual([
    { index: 5, label: 2, predicted: 1, confidence: 0.98 },
    { index: 4, label: 2, predicted: 0, confidence: 0.96 },
    { index: 0, label: 0, predicted: 1, confidence: 0.92 },
  ]);
  expect(doubtfulLabels([FIRST, SECOND], { confidence: 0.92 })).toHaveLength(3);
  expect(doubtfulLabels([FIRST], { confidence: 0.9 }).map(({ index }) => index)).toEqual([1, 5, 4, 0, 3]);
  expect(doubtfulLabels([], { confidence: 0.9 })).toEqual([]);
});

test("predictions for other images are refused", () => {
  for (const labels of [[0, 0, 1, 1, 2, 1], LABELS.slice(1)]) {
    expect(userErrorOf(() => doubtfulLabels([FIRST, { ...SECOND, labels }], { confidence: 0.9 })).message).toMatch(
      /not asked about the same images/,
    );
  }
});
