import { describe, expect, test } from "vitest";
import { gatherMetrics } from "../../src/evaluation/metrics.ts";
import { calibrationTable, confusedPairsTable, perClassTables } from "../../src/report/model-tables.ts";
import type { ModelDetail } from "../../src/report/report-data.ts";

const NAMES = ["ant", "bee", "cat"];

/** Metrics of predictions given as [label, prediction, count], each with the probability e^2 / (e^2 + 2) = 0.787. */
function metricsOf(...answers: [number, number, number][]) {
  const gatherer = gatherMetrics(NAMES);
  for (const [label, answer, times] of answers) {
    const logits = NAMES.map((_, i) => (i === answer ? 2 : 0));
    for (let i = 0; i < times; i++) gatherer.add(logits, [label], 1);
  }
  return gatherer.metrics();
}

function model(recipe: string, ...answers: [number, number, number][]): ModelDetail {
  const allRight = metricsOf([0, 0, 4], [1, 1, 4], [2, 2, 2]);
  return { recipe, description: "", runs: [], test: metricsOf(...answers), testAveraged: allRight };
}

// Of 4 ants 3 are right, of 4 bees 2, of 2 cats 1.
const one = model("one", [0, 0, 3], [0, 1, 1], [1, 1, 2], [1, 0, 2], [2, 2, 1], [2, 0, 1]);
const two = model("two", [0, 0, 4], [1, 1, 4], [2, 2, 2]);

describe("class by class", () => {
  test("models are side by side, precision by prediction, recall by label", () => {
    const [table] = perClassTables([one, two]);
    expect(table?.header).toEqual([
      ...["class", "images", "one precision", "one recall", "one F1"],
      ...["two precision", "two recall", "two F1"],
    ]);
    expect(table?.rows).toEqual([
      // 3 of 6 answers; 3 of 4 images; 2 * 0.5 * 0.75 / 1.25
      ["ant", "4", "50.0 %", "75.0 %", "60.0 %", "100.0 %", "100.0 %", "100.0 %"],
      ["bee", "4", "66.7 %", "50.0 %", "57.1 %", "100.0 %", "100.0 %", "100.0 %"],
      ["cat", "2", "100.0 %", "50.0 %", "66.7 %", "100.0 %", "100.0 %", "100.0 %"],
    ]);
  });

  test("more than two models continue in another table", () => {
    const tables = perClassTables([one, two, model("three", [0, 0, 1])]);
    expect(tables.map(({ header }) => header.filter((name) => name.endsWith("F1")))).toEqual([
      ["one F1", "two F1"],
      ["three F1"],
    ]);
    expect(perClassTables([])).toEqual([]);
  });
});

test("confused pairs count both directions, as a share of the model's own mistakes; no mistakes, no row", () => {
  expect(confusedPairsTable([one, two]).rows).toEqual([
    ["one", "ant", "bee", "1", "2", "3", "75 %"],
    ["one", "ant", "cat", "0", "1", "1", "25 %"],
  ]);
});

test("calibration is given without and with test-time averaging, under-confidence with a minus", () => {
  // Confidence 0.7870: of `one` 0.6 are right, of the averaged answers all.
  // Losses by hand: ln(e^2 + 2) = 2.2395, less 2 where it is right: 2.2395 - 1.2 and 2.2395 - 2.
  expect(calibrationTable([one]).rows).toEqual([
    ["one", "each image as it is", "60.00 %", "18.70 %", "+18.70", "1.0395"],
    ["one", "averaged with its mirror image", "100.00 %", "21.30 %", "−21.30", "0.2395"],
  ]);
});
