/** `train`: options that change a recipe reach the training and its record. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readRunRecord } from "../../src/runs/node/run-files.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 60, test: 10, isHalved: true });
const FOLDER = sharedFolder();
const SMALL = [
  "train",
  "base",
  "--epochs",
  "1",
  "--batch-size",
  "20",
  "--threads",
  "1",
  "--data",
  DATA,
  "--skip-report",
];
const run = (name: string, options: readonly string[]) => tailor([...SMALL, "--out", join(FOLDER, name), ...options]);

describe("classes of unequal size, gradient clipping", () => {
  test("are in the record, change the weights, and belong to the run when it is resumed", async () => {
    const plain = await run("plain", []);
    expect(plain.code, plain.stderr).toBe(0);
    const hashOf = (name: string) => readRunRecord(join(FOLDER, name)).result!.weightsSha256;
    const weights = "1,2,1,1,1,1,1,1,1,0.5";
    for (const [name, options, recipe] of [
      ["weighted", ["--class-weights", weights], { classWeights: [1, 2, 1, 1, 1, 1, 1, 1, 1, 0.5] }],
      ["balanced", ["--class-weights", "balanced"], { classWeights: "balanced" }],
      ["sampled", ["--sampling", "balanced"], { sampling: "balanced" }],
      ["clipped", ["--max-gradient-norm", "0.5"], { maxGradientNorm: 0.5 }],
    ] as const) {
      const { code, stderr } = await run(name, options);
      expect(code, stderr).toBe(0);
      expect(readRunRecord(join(FOLDER, name)).recipe).toMatchObject(recipe);
      expect(hashOf(name), name).not.toBe(hashOf("plain"));
    }
    const resumed = await tailor(["train", "--resume", join(FOLDER, "sampled"), "--sampling", "balanced"]);
    expect(refusalOf(resumed, 2)).toMatch(/--resume goes on as the run began; leave out --sampling/);
  });

  test.each([
    [["--class-weights", "1,2"], /classWeights has 2 numbers, the data 10 classes \(0, 1, .*give one for each/],
    [["--class-weights", "1,-2"], /--class-weights must be balanced, none, or a number above 0 .*got 1,-2/],
    [["--class-weights", "balance"], /--class-weights must be balanced, none, .*got balance/],
    [["--sampling", "weighted"], /'weighted' is invalid/],
    [["--max-gradient-norm", "0"], /--max-gradient-norm must be a number above 0/],
  ])("%j is refused", async (options, message) => {
    expect(refusalOf(await run("refused", options), 2)).toMatch(message);
    expect(existsSync(join(FOLDER, "refused"))).toBe(false);
  });
});
