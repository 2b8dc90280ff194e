import { describe, expect, test } from "vitest";
import { differencesInBlocks, type MeanDifference, seedSpread } from "../../src/evaluation/significance.ts";
import { ABLATION, planAblation } from "../../src/experiments/ablation.ts";
import { ablationConclusion } from "../../src/experiments/ablation-result.ts";
import { findModel } from "../../src/models/index.ts";
import { modelFacts } from "../../src/nn/model-facts.ts";
import { checkRecipe, type Recipe, recipeToJson } from "../../src/recipes/recipe.ts";
import { recipeFromJson } from "../../src/recipes/recipe-json.ts";
import type { AblationReport, AblationRow } from "../../src/report/node/ablation-report.ts";

const PLAN = { out: "o", epochs: 10, seeds: 2, limit: null };
const TASK = { channels: 1, height: 28, width: 28, classes: 10 };

/** The fields in which a recipe differs from another, but for what it is called. */
function differences(recipe: Recipe, reference: Recipe): string[] {
  const [a, b] = [recipeToJson(recipe), recipeToJson(reference)];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter(
      (field) => field !== "name" && field !== "description" && JSON.stringify(a[field]) !== JSON.stringify(b[field]),
    )
    .sort();
}

test("each change differs from its reference only as described", () => {
  const told = ABLATION.flatMap(({ reference, changes }) =>
    changes.map(({ name, recipe }) => [reference.name, name, differences(recipe, reference).join(" ")]),
  );
  expect(told).toEqual([
    ["base-study", "vertical-flips", "augmentation"],
    ["base-study", "batch-norm", "model"],
    ["base-study", "dropout", "model"],
    ["base-study", "depth-width", "model"],
    ["base-study", "all-four", "augmentation model"],
    ["enhanced", "no-schedule", "learningRate schedule"],
    ["enhanced", "no-muon", "optimizer"],
    ["enhanced", "no-smoothing", "labelSmoothing"],
    ["enhanced", "no-shift", "augmentation"],
    ["enhanced", "random-flips", "augmentation"],
    ["enhanced", "no-flips", "augmentation"],
    ["enhanced", "with-averaging", "averaging"],
    ["enhanced", "with-vertical-flips", "augmentation"],
  ]);
  const augmentationOf = (name: string) =>
    ABLATION.flatMap(({ changes }) => changes).find((change) => change.name === name)!.recipe.augmentation;
  expect(augmentationOf("no-shift")).toEqual({ horizontalFlip: "alternating" });
  expect(augmentationOf("no-flips")).toEqual({ shift: 1 });
  expect(augmentationOf("random-flips")).toEqual({ horizontalFlip: "random", shift: 1 });
  expect(augmentationOf("vertical-flips")).toEqual({ horizontalFlip: "random", verticalFlip: true });
});

test("the networks in between have one change each", () => {
  const kinds = (name: string) => modelFacts(findModel(name), TASK);
  const parameters = (name: string) => kinds(name).parameters;
  // Batch norm: scale and shift for 32 + 64 + 128 units in place of as many biases.
  expect(parameters("base-batchnorm")).toBe(parameters("base") + 32 + 64 + 128);
  expect(parameters("base-dropout")).toBe(parameters("base"));
  expect(parameters("enhanced-plain")).toBe(parameters("enhanced") - (32 + 32 + 64 + 64 + 128 + 256));
  expect(kinds("enhanced-plain").multiplyAdds).toBe(kinds("enhanced").multiplyAdds);
});

test("the networks in between are the study's two, layer by layer, except for that change", () => {
  const layersOf = (name: string, without: RegExp) =>
    findModel(name)
      .layers(TASK)
      .map(({ description }) => description.replace(", no bias", ""))
      .filter((description) => !without.test(description));
  const none = /^$/;
  expect(layersOf("base", none).join(" ")).toBe(
    "conv2d 3x3, 32, padding 1 ReLU max-pool 2x2 conv2d 3x3, 64, padding 1 ReLU max-pool 2x2 flatten linear 128 ReLU linear 10",
  );
  expect(layersOf("base-batchnorm", /batch norm/)).toEqual(layersOf("base", none));
  expect(layersOf("base-batchnorm", none)).toHaveLength(layersOf("base", none).length + 3);
  expect(layersOf("base-dropout", none).at(-2)).toBe("dropout 0.3");
  expect(layersOf("base-dropout", /dropout/)).toEqual(layersOf("base", none));
  expect(layersOf("enhanced-plain", none)).toEqual(layersOf("enhanced", /batch norm|dropout/));
});

describe("a plan", () => {
  const rows = planAblation(ABLATION, PLAN);

  test("has the reference first, then its changes, each with the same seeds and epochs", () => {
    expect(rows.map(({ change }) => change?.name ?? "-").slice(0, 3)).toEqual(["-", "vertical-flips", "batch-norm"]);
    expect(rows).toHaveLength(2 + 5 + 8);
    for (const { runs } of rows) {
      expect(runs.map(({ seed }) => seed)).toEqual([1, 2]);
      for (const { recipe } of runs) expect(recipe.epochs).toBe(10);
    }
  });

  test("gives every run its own folder, and recipes that can be read back", () => {
    const runs = rows.flatMap((row) => row.runs);
    expect(new Set(runs.map(({ path }) => path)).size).toBe(runs.length);
    expect(runs[2]!.path).toBe("o/runs/base-study+vertical-flips-s1");
    for (const { recipe } of runs) {
      checkRecipe(recipe);
      const json = JSON.parse(JSON.stringify(recipeToJson(recipe))) as unknown;
      expect(recipeToJson(recipeFromJson(json, "test"))).toEqual(json);
    }
  });
});

describe("differences in blocks", () => {
  test("of one treatment have the interval of the paired t test", () => {
    // scipy.stats.t.interval(0.95, 2, mean, sem) of the three differences.
    const [{ mean, interval }] = differencesInBlocks([0.9, 0.91, 0.905], [[0.904, 0.916, 0.9085]]) as [MeanDifference];
    expect(mean).toBeCloseTo(0.0045, 12);
    expect(interval!.low).toBeCloseTo(0.001213, 5);
    expect(interval!.high).toBeCloseTo(0.007787, 5);
  });

  test("of several share one variance estimate", () => {
    // numpy and scipy: residuals of row and column means, mean square 4.5278e-6 with 4 degrees of freedom, t 2.776445.
    const control = [0.9, 0.91, 0.905];
    const found = differencesInBlocks(control, [
      [0.904, 0.916, 0.9085],
      [0.89, 0.906, 0.893],
    ]);
    expect(found.map(({ mean }) => mean)).toEqual([expect.closeTo(0.0045, 12), expect.closeTo(-0.0086667, 7)]);
    for (const { mean, interval } of found) {
      expect(interval!.high - mean).toBeCloseTo(0.00482376, 7);
      expect(mean - interval!.low).toBeCloseTo(0.00482376, 7);
    }
  });

  test("of a single seed have no interval, and rows with different seeds are refused", () => {
    expect(differencesInBlocks([0.9], [[0.91], [0.85]])).toEqual([
      { mean: expect.closeTo(0.01, 12), interval: null },
      { mean: expect.closeTo(-0.05, 12), interval: null },
    ]);
    expect(() => differencesInBlocks([0.9, 0.8], [[0.9]])).toThrow(RangeError);
    expect(() => differencesInBlocks([], [])).toThrow(RangeError);
  });
});

describe("the conclusion", () => {
  const row = (change: string | null, differences: readonly number[] | null, recall = 0.9): AblationRow => ({
    change,
    what: "",
    accuracy: seedSpread([0.9, 0.9]),
    difference:
      differences &&
      differencesInBlocks(
        differences.map(() => 0),
        [differences],
      )[0]!,
    seconds: 1,
    parameters: 1,
    runs: [],
    recalls: [
      { label: "Bag", recall: 0.99 },
      { label: "Shirt", recall },
    ],
  });
  const report: AblationReport = {
    split: "test",
    epochs: 10,
    seeds: 3,
    trainImages: 100,
    parts: [
      {
        title: "Part",
        reference: "r",
        rows: [
          row(null, null),
          row("good", [0.01, 0.011, 0.0105]),
          row("bad", [-0.01, -0.011, -0.0105], 0.8),
          row("noise", [-0.001, 0.004, 0.0005]),
        ],
      },
    ],
  };

  test("distinguishes significant from other effects, and names the classes that the worst change affects", () => {
    expect(ablationConclusion(report)).toEqual([
      "Part. Better by more than the chance of the seeds: good (+1.05). Worse by more than the chance of the seeds: bad (−1.05). Not told apart from that chance: noise (+0.12). With bad the share of images that are right changes most for Shirt (−10.00 points, to 80.0 %) and Bag (0.00 points, to 99.0 %).",
    ]);
  });

  test("names classes for a significant change only", () => {
    const unclear = { ...report.parts[0]!, rows: [row(null, null), row("noise", [-0.001, 0.004, -0.0055], 0.7)] };
    expect(ablationConclusion({ ...report, parts: [unclear] })).toEqual([
      "Part. Not told apart from that chance: noise (−0.08).",
    ]);
  });

  test("of one seed calls nothing significant", () => {
    const single = { ...report.parts[0]!, rows: [row(null, null), row("bad", [-0.01])] };
    expect(ablationConclusion({ ...report, parts: [single] })).toEqual([
      "Part. One seed does not say how much is chance: bad (−1.00).",
    ]);
  });
});
