/** `train RECIPE --folds K`: every training image validates once. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadData } from "../../src/data/node/custom-data.ts";
import { evaluateRun } from "../../src/evaluation/node/evaluate-run.ts";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor, tailorJson } from "./support/tailor.ts";

const IMAGES = 100;
const DATA = await smallDataFolder({ train: IMAGES, test: 20, isHalved: true });
const OUT = join(sharedFolder(), "folds");
const SMALL = [
  "train",
  "base",
  "--batch-size",
  "20",
  "--epochs",
  "1",
  "--data",
  DATA,
  "--threads",
  "1",
  "--skip-report",
];

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
  const compared = await tailor([
    "report",
    ...made.runs.map(({ run }) => run),
    "--data",
    DATA,
    "--split",
    "validation",
  ]);
  expect(refusalOf(compared, 2)).toMatch(/different folds; compare them with --split test/);
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
