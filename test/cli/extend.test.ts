/** `train --extend RUN --epochs N`: a finished run goes on, as another one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readMetrics, readRunRecord, readWeights } from "../../src/runs/node/run-files.ts";
import { THOROUGH } from "../support/thorough.ts";
import { sharedFolder, smallDataFolder } from "../training/support/small-data.ts";
import { refusalOf, tailor } from "./support/tailor.ts";

const DATA = await smallDataFolder({ train: 120, test: 10, isHalved: true });
const FOLDER = sharedFolder();
const at = (name: string) => join(FOLDER, name);
const SMALL = ["--batch-size", "32", "--seed", "3", "--data", DATA, "--threads", "1", "--skip-report"];
const train = (name: string, recipe: string, epochs: number, ...options: string[]) =>
  tailor(["train", recipe, "--epochs", String(epochs), ...SMALL, ...options, "--out", at(name)]);
const extend = (name: string, from: string, ...options: string[]) =>
  tailor(["train", "--extend", at(from), "--threads", "1", "--skip-report", ...options, "--out", at(name)]);

beforeAll(async () => {
  for (const [name, epochs] of [
    ["two", 2],
    ["three", 3],
  ] as const) {
    const { code, stderr } = await train(name, "base-study", epochs);
    expect(code, stderr).toBe(0);
  }
});

describe("an extended run", () => {
  test("has at a constant rate the weights and epochs of one training; the first run stays as it was", async () => {
    const before = readFileSync(join(at("two"), "run.json"), "utf8");
    const { code, stderr } = await extend("extended", "two", "--epochs", "3");
    expect(code, stderr).toBe(0);
    const [extended, whole] = [readRunRecord(at("extended")), readRunRecord(at("three"))];
    expect(extended).toMatchObject({
      epochs: 3,
      recipe: whole.recipe,
      extendedFrom: { run: at("two"), epochs: 2, weightsSha256: readRunRecord(at("two")).result!.weightsSha256 },
    });
    expect(extended.result!.weightsSha256).toBe(whole.result!.weightsSha256);
    const losses = (name: string) => readMetrics(at(name)).map(({ epoch, validationLoss }) => [epoch, validationLoss]);
    expect(losses("extended")).toEqual(losses("three"));
    expect(readFileSync(join(at("two"), "run.json"), "utf8")).toBe(before);
  });

  test("of a recipe with a schedule goes on at the rate of the longer training", THOROUGH, async () => {
    const made = await train("one-cycle", "tiny", 1);
    expect(made.code, made.stderr).toBe(0);
    const { code, stderr } = await extend("longer", "one-cycle", "--epochs", "2");
    expect(code, stderr).toBe(0);
    const [first, second] = readMetrics(at("longer"));
    expect(first!.learningRate).toBe(readMetrics(at("one-cycle"))[0]!.learningRate);
    expect(second!.learningRate).toBeLessThan(first!.learningRate * 1.001);
    expect(second!.step).toBe(6);
  });

  test("that keeps its best epoch keeps the earlier one where that was better", async () => {
    const made = await train("best", "base-study", 2, "--keep", "best");
    expect(made.code, made.stderr).toBe(0);
    // So high a rate that no later epoch is better is not needed: whichever is the best, its weights are the run's.
    const { code, stderr } = await extend("best-extended", "best", "--epochs", "4");
    expect(code, stderr).toBe(0);
    const { bestEpoch } = readRunRecord(at("best-extended")).result!;
    const lines = readMetrics(at("best-extended"));
    const best = Math.max(...lines.map(({ validationAccuracy }) => validationAccuracy!));
    expect(lines[bestEpoch! - 1]!.validationAccuracy).toBe(best);
    const isEarlier = bestEpoch! <= 2;
    const sameAsBefore =
      JSON.stringify(readWeights(at("best-extended")).tensors[0]) ===
      JSON.stringify(readWeights(at("best")).tensors[0]);
    expect(sameAsBefore).toBe(isEarlier);
  });
});

describe("refused", () => {
  test.each([
    [["--epochs", "2"], /two has 2 epochs already; give more of them in all with --epochs/],
    [[], /--extend needs --epochs/],
    [["--epochs", "3", "--lr", "1e-4"], /--extend goes on as the run began; leave out --lr/],
    [["--epochs", "3", "--resume", at("two")], /--resume is for interrupted runs, --extend for finished ones/],
  ])("%j", async (options, message) => {
    expect(refusalOf(await extend("no", "two", ...options), 2)).toMatch(message);
  });
});
