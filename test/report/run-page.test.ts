import { describe, expect, test } from "vitest";
import type { ImageSet } from "../../src/data/image-set.ts";
import { gatherMetrics } from "../../src/evaluation/metrics.ts";
import { rankingOf } from "../../src/evaluation/ranking.ts";
import { randomStream } from "../../src/random.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { recipeToJson } from "../../src/recipes/recipe.ts";
import { runFigures } from "../../src/report/node/run-figures.ts";
import { type RunReport, runPage } from "../../src/report/run-page.ts";
import type { FinishedRunRecord } from "../../src/runs/run-record.ts";
import { importedRecord, sampleMetrics, sampleRecord, sampleResult } from "../runs/support/samples.ts";
import { modelDetail, testImages } from "./fixture.ts";
import { parsed } from "./page-parts.ts";

const RECORD: FinishedRunRecord = {
  ...sampleRecord,
  recipe: recipeToJson(findRecipe("enhanced")),
  recipeName: "enhanced",
  multiplyAdds: 22_200_000,
  status: "finished",
  result: sampleResult,
};

function evaluationOf(images: ImageSet, split: "test" | "validation" = "test") {
  const { test: metrics } = modelDetail("enhanced", images, 0.9);
  return { split, images, metrics, ranking: rankingOf(metrics.predictions, images.classNames) };
}

const images = testImages(600);
const report: RunReport = {
  path: "runs/enhanced-1",
  record: RECORD,
  epochs: sampleMetrics,
  evaluation: evaluationOf(images),
  sample: { of: "test", images },
  made: { date: "2026-02-03T04:05:06.000Z", version: "0.1.0" },
  repeat: { command: "node bin/tailor.js train enhanced --seed 0" },
};
const pageOf = (parts: Partial<RunReport> = {}) => {
  const changed = { ...report, ...parts };
  return runPage(changed, runFigures(changed));
};
const page = pageOf();
const headings = (markup: string) => [...parsed(markup).querySelectorAll("h2")].map(({ textContent }) => textContent);
const facts = (markup: string, section: string) => {
  const list = parsed(markup).querySelector(`#${section} dl`);
  const terms = [...(list?.querySelectorAll("dt") ?? [])].map(({ textContent }) => textContent!);
  return Object.fromEntries([...(list?.querySelectorAll("dd") ?? [])].map((fact, i) => [terms[i]!, fact.textContent]));
};
const rowsOf = (markup: string, section: string) =>
  [...parsed(markup).querySelectorAll(`#${section} tbody tr`)].map((row) =>
    [...row.querySelectorAll("th, td")].map(({ textContent }) => textContent!),
  );

describe("the page of a run", () => {
  test("goes from results to how it was made", () => {
    expect(parsed(page).querySelector("h1")?.textContent).toBe("enhanced on Fashion-MNIST");
    expect(headings(page)).toEqual([
      "Results",
      "Training",
      "Class by class",
      "Confusion",
      "Most confident mistakes",
      "Calibration",
      "ROC, precision and recall",
      "The images",
      "Configuration",
      "How it was made",
    ]);
  });

  test("gives accuracy with its standard error, top-5 accuracy and cost", () => {
    const { accuracy, correct, standardError, top5 } = report.evaluation!.metrics;
    const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
    expect(parsed(page).querySelector(".lead")?.textContent).toBe(
      `Seed 0. ${percent(accuracy)} ± ${(100 * standardError).toFixed(2)} (standard error) of the test images are classified correctly, ${correct} of 600; ${percent(top5!)} among the first five.`,
    );
    expect(facts(page, "results")).toMatchObject({
      Recipe: "enhanced, model base",
      Accuracy: `${percent(accuracy)} of the test images (${correct} of 600), standard error ${percent(standardError)}`,
      "Top-5 accuracy": percent(top5!),
      AUC: `${report.evaluation!.ranking.macroAuc!.toFixed(4)}, mean of the classes, each against the rest`,
      Parameters: "421,642",
      "Multiply-adds": "22.2 M, forward pass of one image",
      "Training time": "45 s, 12,346 images/s",
      "Peak memory": "400 MB",
    });
  });

  test("tells when it was made, from which weights and images, and how to repeat the training", () => {
    expect(facts(page, "made")).toMatchObject({
      Run: "runs/enhanced-1",
      "This page":
        "made 2026-02-03, 04:05 UTC by tailor 0.1.0. Its figures are of 600 test images. It does not change when the run is evaluated again.",
      Weights: `SHA-256 ${"0f".repeat(32)}`,
      Trained: "2026-01-31, 12:00 UTC",
      Processor: "Some CPU @ 2.0 GHz, 2 cores; linux-x64",
      Seed: "0",
    });
    expect(parsed(page).querySelector("#made p code")?.textContent).toBe(report.repeat!.command);
  });

  test("lists every field of the recipe", () => {
    const { model: _, ...recipe } = findRecipe("enhanced");
    const leaves = (value: unknown): number =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.values(value).reduce<number>((sum, inner) => sum + leaves(inner), 0)
        : 1;
    const rows = new Map(rowsOf(page, "configuration").map(([field, value]) => [field, value]));
    expect(rows.size).toBe(leaves(recipe) + 1);
    expect(rows.get("model")).toBe("enhanced");
    expect(rows.get("optimizer.kind")).toBe(recipe.optimizer.kind);
    expect(rows.get("learningRate")).toBe(String(recipe.learningRate));
  });

  test("has a row for each class, with precision, recall, F1, AUC and average precision", () => {
    const { metrics, ranking } = report.evaluation!;
    const rows = rowsOf(page, "classes");
    expect(rows.map(([name]) => name)).toEqual(images.classNames);
    const [one, ranked] = [metrics.perClass[6]!, ranking.classes[6]!];
    const shares = [one.precision, one.recall, one.f1].map((share) => `${(100 * share).toFixed(1)} %`);
    const areas = [ranked.auc!, ranked.averagePrecision!].map((area) => area.toFixed(4));
    expect(rows[6]).toEqual(["Shirt", String(one.support), ...shares, ...areas]);
  });

  test("is self-contained, with an alternative text for every figure and no duplicate ids", () => {
    const document = parsed(page);
    const names = runFigures(report).map(({ name }) => name);
    expect(names).toEqual([
      "accuracy",
      "loss",
      "confusion",
      "mistakes",
      "calibration",
      "roc",
      "precision-recall",
      "data-sample",
    ]);
    expect([...document.querySelectorAll("figure")].map(({ id }) => id)).toEqual(names.map((name) => `figure-${name}`));
    for (const image of document.querySelectorAll("img")) {
      expect(image.getAttribute("alt")).not.toBe("");
      expect(image.getAttribute("src")).toMatch(/^data:image\/svg\+xml;base64,/);
    }
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(page).not.toMatch(/https?:|url\(|@import|<script|<link|<iframe/i);
    expect(page.replaceAll(/base64,[^"]*/g, "")).not.toMatch(/undefined|NaN|\[object/);
  });

  test("escapes names and paths", () => {
    const hostile = "<b>&\"'";
    const named = testImages(300, [hostile, ...images.classNames.slice(1)]);
    const record = {
      ...RECORD,
      recipeName: hostile,
      data: { ...RECORD.data, folder: hostile, verified: false },
      recipe: { note: hostile },
    };
    const markup = pageOf({
      record,
      path: hostile,
      evaluation: evaluationOf(named),
      sample: { of: "test", images: named },
      repeat: { command: hostile, recipeFile: { name: hostile, text: hostile } },
    });
    expect(markup).not.toContain("<b>");
    expect(parsed(markup).querySelector("#made pre")?.textContent).toBe(hostile);
    expect(parsed(markup).querySelector("h1")?.textContent).toBe(`${hostile} on ${hostile}`);
  });
});

describe("the images of a page", () => {
  test("are named everywhere when they are the validation images, with a word of caution", () => {
    const markup = pageOf({ evaluation: evaluationOf(images, "validation"), sample: { of: "validation", images } });
    const text = parsed(markup).querySelector("main")?.textContent ?? "";
    expect(parsed(markup).querySelector(".banner")?.textContent).toContain("the test images were not used");
    expect(text.replaceAll("the test images were not used", "")).not.toMatch(/test (images|set)/);
    expect(text).toContain("12 validation images that enhanced got wrong");
    expect(parsed(page).querySelector(".banner")).toBeNull();
  });

  test("are absent for a run without any: no figure of answers, and the page says why", () => {
    const markup = pageOf({ evaluation: null, sample: { of: "training", images } });
    expect(headings(markup)).toEqual(["Results", "Training", "The images", "Configuration", "How it was made"]);
    expect(parsed(markup).querySelector(".lead")?.textContent).toBe(
      "Seed 0. It trained on all images and was not evaluated on the test images, so no accuracy is known.",
    );
    expect(facts(markup, "made")["This page"]).toContain("No image was classified for it.");
  });

  test("of imported weights are those it was evaluated on; nothing is said of a training", () => {
    const markup = pageOf({ record: importedRecord, epochs: [], repeat: null });
    expect(headings(markup)).not.toContain("Training");
    expect(headings(markup)).not.toContain("Configuration");
    expect(Object.keys(facts(markup, "results"))).not.toContain("Training time");
    expect(facts(markup, "results").Data).toBe("unknown; the weights are from some/weights.safetensors");
    expect(parsed(markup).querySelector("h1")?.textContent).toBe("base (imported) on data of unknown origin");
  });
});

test("with 100 classes the weakest come first, and the sample has one image of each", () => {
  const classNames = Array.from({ length: 100 }, (_, i) => `class ${i}`);
  const many: ImageSet = {
    ...testImages(200, classNames),
    labels: Uint8Array.from({ length: 200 }, (_, i) => i % 100),
  };
  const gatherer = gatherMetrics(classNames);
  const random = randomStream(3, "init");
  for (const label of many.labels) {
    const logits = classNames.map(() => random.uniform());
    logits[label]! += random.uniform() < 0.6 ? 1 : -1;
    gatherer.add(logits, [label], 1);
  }
  const metrics = gatherer.metrics();
  const ranking = rankingOf(metrics.predictions, classNames);
  const markup = pageOf({
    evaluation: { split: "test", images: many, metrics, ranking },
    sample: { of: "test", images: many },
  });
  const shares = rowsOf(markup, "classes").map((cells) => Number.parseFloat(cells[4]!));
  expect(shares).toHaveLength(100);
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares[0]).toBeLessThan(shares[99]!);
  const figures = runFigures({ ...report, evaluation: null, sample: { of: "test", images: many } });
  expect(figures.at(-1)!.svg.match(/<image /g)).toHaveLength(100);
});
