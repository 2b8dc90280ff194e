import { describe, expect, test } from "vitest";
import { seedSpread } from "../../src/evaluation/significance.ts";
import type { Gain } from "../../src/report/report-data.ts";
import { gainsTable, resNet18Tables, resultsTable } from "../../src/report/result-tables.ts";
import { reportWithResNet18, studyReport } from "./fixture.ts";

const report = studyReport();

describe("the results", () => {
  const { rows, notes } = resultsTable(report);

  test("have one row each, with origin, spread and cost", () => {
    expect(rows).toEqual([
      ["Base (study)", "published", "91.65 %", "70", "–", "–", "–"],
      ["Enhanced (study)", "published", "92.68 %", "70", "–", "–", "–"],
      ["base-study", "committed results", "91.71 % (n = 1)", "15", "421,642", "4.24 M", "3 min 31 s"],
      ["enhanced-study", "committed results", "92.65 % (n = 1)", "15", "437,162", "18.4 M", "3 min 31 s"],
      ["base", "trained here", "93.47 % ± 0.07 (n = 3)", "12", "421,642", "4.24 M", "2 min 49 s"],
      ["enhanced", "trained here", "94.42 % ± 0.08 (n = 2)", "12", "437,162", "18.4 M", "22 min 05 s"],
    ]);
  });

  test("give the binomial standard error of our results with one seed, and of no others", () => {
    // sqrt(0.9171 * 0.0829 / 10,000) = 0.00276, sqrt(0.9265 * 0.0735 / 10,000) = 0.00261
    expect(notes).toContain(
      "A single seed has no spread; over the test images its binomial standard error is 0.28 points (base-study) and 0.26 points (enhanced-study).",
    );
    const several = resultsTable({
      ...report,
      results: report.results.filter(({ accuracy, origin }) => accuracy.n > 1 || origin.kind === "published"),
    });
    expect(several.notes.join()).not.toContain("single seed");
  });

  test("state machine and commit of committed results", () => {
    expect(notes.at(-1)).toBe(
      "base-study and enhanced-study: not trained here, but at commit 4e66257, on AMD EPYC, 2 cores; read from docs/results/base-study-s1.json and docs/results/enhanced-study-s1.json.",
    );
  });

  test("keep committed results of different commits apart", () => {
    const results = report.results.map((result) =>
      result.name === "enhanced-study" && result.origin.kind === "committed"
        ? { ...result, origin: { ...result.origin, commit: "abcdef0123" } }
        : result,
    );
    expect(
      resultsTable({ ...report, results })
        .notes.slice(-2)
        .map((note) => note.slice(0, 54)),
    ).toEqual([
      "base-study: not trained here, but at commit 4e66257, o",
      "enhanced-study: not trained here, but at commit abcdef",
    ]);
  });

  test("of a quick study are marked as not meaningful", () => {
    expect(resultsTable({ ...report, isQuick: true }).notes.at(-1)).toContain("are no result");
    expect(notes.join()).not.toContain("no result");
  });
});

describe("the gains", () => {
  const paired = {
    difference: 0.0095,
    interval: { low: 0.0041, high: 0.0149 },
    p: 0.00062,
    onlyFirst: 210,
    onlySecond: 1305,
  };
  const gain: Gain = {
    base: "base",
    enhanced: "enhanced",
    difference: 0.0096,
    overSeeds: { low: -0.0012, high: 0.0204 },
    paired,
  };
  const table = (...gains: Gain[]) => gainsTable({ ...report, gains });

  test("are in points, Enhanced minus Base, with both intervals, p, and the images of either", () => {
    expect(table(gain).rows).toEqual([
      ["base → enhanced", "+0.96", "−0.12 to +2.04", "+0.41 to +1.49", "p = 0.0006", "210", "1,305"],
    ]);
  });

  test("have a note when the first seed's difference is not that of the means", () => {
    expect(table(gain).notes).toContain("base → enhanced: the two runs of the first seed differ by +0.95.");
    expect(table({ ...gain, difference: 0.0095 }).notes.join()).not.toContain("first seed differ");
  });

  test("of published rows are dashes, with the reason", () => {
    const { rows, notes } = table({
      ...gain,
      base: "Base (study)",
      enhanced: "Enhanced (study)",
      overSeeds: null,
      paired: null,
    });
    expect(rows).toEqual([["Base (study) → Enhanced (study)", "+0.96", "–", "–", "–", "–", "–"]]);
    expect(notes.at(-1)).toBe(
      "Base (study) → Enhanced (study): published as one figure each, so nothing is known of seeds or of single images.",
    );
  });

  test("of committed rows and of single seeds have dashes, each with its own reason", () => {
    const seeds = { ...gain, base: "base-study", enhanced: "enhanced-study" };
    expect(table({ ...seeds, paired: null }).notes.at(-1)).toBe(
      "base-study → enhanced-study: not both were trained here, so their answers cannot be compared image by image.",
    );
    expect(table({ ...gain, difference: 0.0095, overSeeds: null }).notes.at(-1)).toBe(
      "base → enhanced: with a single seed on either side there is no interval over seeds.",
    );
    expect(table(gain).notes.join()).not.toMatch(/single seed|image by image\./);
  });

  test("below 0 have a minus", () => {
    const [row] = table({ ...gain, difference: -0.0031, overSeeds: null, paired: null }).rows;
    expect(row?.[1]).toBe("−0.31");
  });
});

test("with single seeds only, there is no ±", () => {
  const results = report.results.map((result) => ({ ...result, accuracy: seedSpread([result.accuracy.mean]) }));
  const { rows } = resultsTable({ ...report, results });
  expect(rows.map((row) => row[2])).toEqual([
    "91.65 %",
    "92.68 %",
    "91.71 % (n = 1)",
    "92.65 % (n = 1)",
    "93.47 % (n = 1)",
    "94.42 % (n = 1)",
  ]);
});

describe("beside ResNet18", () => {
  const withResNet18 = reportWithResNet18([0.94, 0.9412, 0.9406], [0.952, 0.953, 0.9526]);
  const [differences, times] = resNet18Tables(withResNet18);

  test("the differences have intervals and the images that only one has right", () => {
    expect(differences!.rows).toHaveLength(1);
    const [pair, gain, seeds, , , theirs, ours] = differences!.rows[0]!;
    expect([pair, gain]).toEqual(["resnet18-kefth → champion", "+1.19"]);
    expect(seeds).toMatch(/^\+1\.0\d to \+1\.3\d$/);
    const { onlyFirst, onlySecond } = withResNet18.overResNet18[0]!.paired!;
    expect([theirs, ours]).toEqual([String(onlyFirst), String(onlySecond)]);
    expect(differences!.header.slice(-2)).toEqual(["only ResNet18 right", "only ours right"]);
  });

  test("training times are those of the first epoch that reaches an accuracy, in every run", () => {
    const line = (epoch: number, validationAccuracy: number) => ({
      ...withResNet18.models[0]!.runs[0]!.epochs[0]!,
      epoch,
      validationAccuracy,
      seconds: 10 * epoch,
    });
    const runs = [
      [line(1, 0.9), line(2, 0.925), line(3, 0.93), line(4, 0.929)],
      [line(1, 0.92), line(2, 0.91), line(3, 0.928), line(4, 0.945)],
    ].map((epochs, i) => ({ seed: i + 1, path: `r${i}`, epochs }));
    const models = [{ ...withResNet18.models[0]!, runs }];
    const [, table] = resNet18Tables({ ...withResNet18, models });
    // 92 %: 20 and 10 s; 93 %: 30 and 40 s; 94 %: only one run.
    expect(table!.rows).toEqual([["base", "15 s", "35 s", "–", "–", "40 s"]]);
  });

  test("without ResNet18 there is nothing", () => {
    expect(resNet18Tables(report).flatMap(({ rows }) => rows)).toEqual([]);
    expect(times!.rows.length).toBeGreaterThan(0);
  });
});
