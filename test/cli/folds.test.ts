/** `train RECIPE --folds K`: every training image validates once. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadData } from "../../src/data/node/custom-data.ts";
import { evaluateRun } from "../../src/evaluation/node/evaluate-run.ts";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const IMAGES = 100;
const DATA = await smallDataFolder({ train: IMAGES, test: 20, isHalved: true });
const sharedOut = sharedFolder();
const OUT = join(sharedOut, "folds");
const SMALL = ["train", "base", "--batch-size", "20", "--epochs", "1", "--data", DATA, "--threads", "1"];

let reports = 0;

/** The page that `report` writes of folds, and its text. */
async function reportOf(...args: string[]): Promise<{ page: string; text: string }> {
  const out = join(sharedOut, `report-${++reports}.html`);
  const { report } = await tailorJson<{ report: string }>(["report", ...args, "--data", DATA, "--out", out]);
  expect(report).toBe(out);
  const page = readFileSync(out, "utf8");
  return { page, text: page.replaceAll(/<[^>]*>/g, " ").replaceAll(/[\s\u00a0\u202f]+/g, " ") };
}

interface FoldsJson {
  readonly split: string;
  readonly runs: readonly { run: string; seed: number; fold: number; accuracy: number }[];
  readonly accuracy: { mean: number; n: number };
}

test("trains a run for each fold, which validates it, also when it is evaluated later or goes on", async () => {
  const made = await tailorJson<FoldsJson>([...SMALL, "--folds", "3", "--seed", "4", "--out", OUT]);
  expect(made.split).toBe("validation");
  expect(made.runs.map(({ run, seed, fold }) => [run, seed, fold])).toEqual(
    [1, 2, 3].map((fold) => [join(OUT, `f${fold}`), 4, fold]),
  );
  const records = made.runs.map(({ run }) => readRunRecord(run));
  expect(records.map(({ fold }) => fold)).toEqual([1, 2, 3].map((number) => ({ number, of: 3 })));
  const sizes = records.map(({ data }) => data.validationImages);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(IMAGES);
  for (const { data } of records) expect(data.trainImages + data.validationImages).toBe(IMAGES);
  expect(made.accuracy.mean).toBeCloseTo(made.runs.reduce((sum, { accuracy }) => sum + accuracy, 0) / 3, 12);

  const data = await loadData({ folder: DATA });
  const evaluated = await evaluateRun(made.runs[1]!.run, {
    data,
    split: "validation",
    averageFlips: false,
    threads: 1,
  });
  expect(evaluated).toMatchObject({ total: sizes[1], accuracy: made.runs[1]!.accuracy });

  const { stderr } = await tailor([...SMALL, "--folds", "3", "--seed", "4", "--out", OUT]);
  expect(stderr).toContain("all 3 runs are trained already");
  const { page, text } = await reportOf(OUT);
  // The one that the training ended with, but for the date and the command.
  const sameAsMade = (html: string) => html.slice(html.indexOf("<main"), html.indexOf('id="made"'));
  expect(sameAsMade(readFileSync(join(OUT, "report.html"), "utf8"))).toBe(sameAsMade(page));
  const images = sizes.map((size, i) => Math.round(size * made.runs[i]!.accuracy));
  const right = images.reduce((sum, count) => sum + count);
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  expect(text).toContain(`Of all their images ${percent(right / IMAGES)} are classified correctly, ${right} of 100.`);
  expect(text).toContain(`${percent(made.accuracy.mean)} ± `);
  for (const [i, { run, accuracy }] of made.runs.entries()) {
    expect(text).toContain(`${i + 1} ${run} ${percent(accuracy)} ${images[i]} of ${sizes[i]} `);
  }
  for (const id of ["confusion", "mistakes", "calibration", "roc"]) expect(page).toContain(`id="figure-${id}"`);
  expect(readRunRecord(made.runs[0]!.run)).toEqual(records[0]);
  // Some of the folds; in any order.
  const some = await reportOf(made.runs[2]!.run, made.runs[0]!.run);
  expect(some.text).toContain("base on data, 2 of 3 folds");
  expect(some.text.indexOf(made.runs[0]!.run)).toBeLessThan(some.text.indexOf(made.runs[2]!.run));
  const onTest = await reportOf(OUT, "--split", "test");
  expect(onTest.text).toContain("Comparison of 3 runs");

  const other = await tailor([...SMALL, "--folds", "4", "--seed", "4", "--out", OUT]);
  expect(refusalOf(other, 2)).toMatch(/f1 holds another run .*validated on fold 1 of 3, not on fold 1 of 4/);
});

describe("refused", () => {
  test.each([
    [["--folds", "1"], /--folds must be a whole number from 2 to 1000/],
    [["--folds", "3", "--seeds", "2"], /two ways to repeat a training; leave one out/],
    [["--folds", "3", "--train-on", "all"], /--folds validates on each fold in turn; leave out --train-on all/],
    [["--folds", "50"], /50 folds need 50 images of each class, and "0" has \d+; use fewer with --folds/],
  ])("%j", async (options, message) => {
    expect(refusalOf(await tailor([...SMALL, ...options, "--out", join(OUT, "no")]), 2)).toMatch(message);
  });
});
