import { describe, expect, test } from "vitest";
import { createImageSet } from "../../src/data/image-set.ts";
import { gatherMetrics } from "../../src/evaluation/metrics.ts";
import { studyFigures } from "../../src/report/node/figures.ts";
import { allRows } from "../support/all-rows.ts";
import { modelDetail, studyReport, testImages } from "./fixture.ts";

const report = studyReport();
const figures = studyFigures(report);
const svgOf = (name: string, from = figures) => from.find((figure) => figure.name === name)?.svg ?? "";

/** The words of a picture, in the order they were drawn. */
const words = (svg: string) =>
  [...svg.matchAll(/>([^<>]+)</g)].map(([, text]) => text!.trim()).filter((text) => text !== "");

describe("the figures", () => {
  test("have names for files, in reading order", () => {
    expect(figures.map(({ name }) => name)).toEqual([
      "gains",
      "curves",
      "base-accuracy",
      "base-loss",
      "enhanced-accuracy",
      "enhanced-loss",
      "base-confusion",
      "enhanced-confusion",
      "base-calibration",
      "enhanced-calibration",
      "base-mistakes",
      "enhanced-mistakes",
      "data-sample",
      "accuracy-parameters",
      "accuracy-multiply-adds",
    ]);
  });

  test("are the same for the same report, byte for byte", () => {
    const again = studyFigures(studyReport());
    expect(again.filter(({ svg }, i) => svg !== figures[i]!.svg).map(({ name }) => name)).toEqual([]);
  });

  test("are SVG files with titles", () => {
    for (const { svg, title, caption } of figures) {
      expect(svg).toMatch(/^<svg .*<\/svg>\n$/s);
      expect(title).not.toBe("");
      expect(caption).toMatch(/\.$/);
    }
  });

  test("explain why training accuracy can be below validation accuracy", () => {
    expect(figures.find(({ name }) => name === "curves")?.caption).toMatch(
      /during the epoch.*under augmentation \(and dropout.*can lie below that of validation/,
    );
  });

  test("of a study with one model are that model's only", () => {
    const names = studyFigures(studyReport({ models: report.models.slice(0, 1), gains: [] })).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith("enhanced") || name === "gains")).toEqual([]);
    expect(names).toContain("base-mistakes");
  });
});

test("the confusion matrix has a row for each label and a column for each prediction", () => {
  const { confusion } = report.models[0]!.test;
  const names = report.test.classNames;
  const cell = (label: number, answer: number) => {
    const count = `${names[label]} predicted as ${names[answer]}: ${confusion[label]![answer]} (`;
    return svgOf("base-confusion").includes(count);
  };
  expect(confusion[2]![4]).not.toBe(confusion[4]![2]);
  expect([cell(2, 4), cell(4, 2)]).toEqual([true, true]);
});

describe("mistakes", () => {
  test("are the 12 most confident ones, with label, prediction and probability", () => {
    const { labels, predicted, confidence } = report.models[0]!.test.predictions;
    const wrong = labels.flatMap((label, i) => (label === predicted[i] ? [] : [i]));
    wrong.sort((a, b) => confidence[b]! - confidence[a]!);
    const nameOf = (label: number) => report.test.classNames[label]!;
    const expected = wrong
      .slice(0, 12)
      .flatMap((i) => [
        `is: ${nameOf(labels[i]!)}`,
        `said: ${nameOf(predicted[i]!)}`,
        `${(confidence[i]! * 100).toFixed(2)} %`,
      ]);
    expect(words(svgOf("base-mistakes")).filter((text) => /^is:|^said:|%$/.test(text))).toEqual(expected);
  });

  test("of other images than those of the report are refused", () => {
    const other = modelDetail("base", testImages(990, report.test.classNames.slice(1)), 0.9);
    expect(() => studyFigures({ ...report, models: [other] })).toThrow(/is not the one that was answered/);
  });

  test("give no sheet if there are none", () => {
    const gatherer = gatherMetrics(report.test.classNames);
    for (const label of report.test.labels) {
      gatherer.add(
        report.test.classNames.map((_, i) => (i === label ? 5 : 0)),
        [label],
        1,
      );
    }
    const perfect = { ...report.models[0]!, test: gatherer.metrics() };
    const names = studyFigures({ ...report, models: [perfect] }).map(({ name }) => name);
    expect(names).toContain("base-confusion");
    expect(names).not.toContain("base-mistakes");
  });
});

describe("the sample of the data", () => {
  test("shows the first eight images of each class, class by class", () => {
    const { classNames } = report.test;
    const shown = words(svgOf("data-sample")).filter((text) => classNames.includes(text));
    expect(shown).toEqual(classNames.flatMap((name) => Array.from({ length: 8 }, () => name)));
  });

  test("does not change when later images do", () => {
    const { test } = report;
    const images = allRows(test.images);
    images.fill(255, 900 * 28 * 28);
    const changed = createImageSet({ ...test, images }, "changed");
    expect(svgOf("data-sample", studyFigures({ ...report, models: [], test: changed }))).toBe(svgOf("data-sample"));
    images.fill(255, 0, 28 * 28);
    expect(svgOf("data-sample", studyFigures({ ...report, models: [], test: changed }))).not.toBe(svgOf("data-sample"));
  });
});
