/** Early stopping, and the weights of the best epoch. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadData } from "../../src/data/node/custom-data.ts";
import type { MetricsLine } from "../../src/runs/metrics.ts";
import { RUN_FILES, readMetrics, readRunRecord, readWeights } from "../../src/runs/node/run-files.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { bestOf, isStopping } from "../../src/training/best-epoch.ts";
import type { TrainRunOptions } from "../../src/training/node/train-into.ts";
import { resumeRun, trainNewRun } from "../../src/training/node/train-run.ts";
import { type TrainingSnapshot, train } from "../../src/training/train.ts";
import { sampleMetrics } from "../runs/support/samples.ts";
import { failureOf } from "./support/failure.ts";
import { RECIPE, smallJob, smallSets } from "./support/jobs.ts";
import { expectSameRun } from "./support/same-run.ts";
import { sharedFolder, smallDataFolder } from "./support/small-data.ts";

/** Epochs with these validation accuracies and losses. */
const lines = (...results: readonly (readonly [accuracy: number, loss: number])[]): MetricsLine[] =>
  results.map(([validationAccuracy, validationLoss], i) => ({
    ...sampleMetrics[0]!,
    epoch: i + 1,
    validationAccuracy,
    validationLoss,
  }));

describe("the best epoch", () => {
  test.each<[string, MetricsLine[], number | undefined]>([
    ["has the highest accuracy", lines([0.5, 1], [0.7, 2], [0.6, 0.1]), 2],
    ["of equal accuracies, the lowest loss", lines([0.7, 0.6], [0.7, 0.5], [0.7, 0.55]), 2],
    ["of equal ones, the first", lines([0.7, 0.5], [0.7, 0.5]), 1],
    ["is none without epochs", [], undefined],
    ["is none without validation", lines([0, 0]).map((line) => ({ ...line, validationAccuracy: null })), undefined],
  ])("%s", (_, epochs, expected) => {
    expect(bestOf(epochs)?.epoch).toBe(expected);
  });

  test("training stops when as many epochs after it as the patience are not better", () => {
    const [best] = lines([0.5, 1]);
    expect([1, 2, 3, 4].map((epochs) => isStopping({ patience: 2 }, epochs, best))).toEqual([false, false, true, true]);
    expect(isStopping({}, 100, best)).toBe(false);
    expect(isStopping({ patience: 2 }, 100, undefined)).toBe(false);
  });
});

/** A rate at which training does not get better steadily. */
const UNSTEADY = { epochs: 6, learningRate: 0.03, schedule: { kind: "constant" } } as const;

test("keep best: the network is that of the epoch with the best validation, bit for bit", async () => {
  const snapshots: TrainingSnapshot[] = [];
  const results: MetricsLine[] = [];
  const outcome = await train(smallJob({ recipe: { ...UNSTEADY, keep: "best" } }), {
    onEpoch(result, snapshot) {
      results.push(result);
      snapshots.push(snapshot);
    },
  });
  const best = bestOf(results)!;
  expect(outcome.kept).toBe(best);
  expect(best.epoch, "the test needs an epoch that is not the last").toBeLessThan(6);
  for (const [name, values] of outcome.tensors) expect(values).toEqual(snapshots[best.epoch - 1]!.tensors.get(name));
});

test("patience: a training that does not get better ends, and is finished", async () => {
  let epochs = 0;
  const stands = { ...UNSTEADY, learningRate: 1e-30, patience: 2 };
  const outcome = await train(smallJob({ recipe: stands }), { onEpoch: () => epochs++ });
  expect(outcome.isFinished).toBe(true);
  expect(epochs).toBe(3);
  expect(outcome.kept).toBeUndefined();
});

describe("a run that keeps its best epoch and stops early", async () => {
  const FOLDER = sharedFolder();
  const data = await loadData({ folder: await smallDataFolder({ train: 120, test: 20, isHalved: true }) });
  const options: TrainRunOptions = { data, threads: 1, lowering: "standard", runtime: nodeRuntime, stepsPerCall: 1 };
  const recipe = { ...RECIPE, ...UNSTEADY, epochs: 12, keep: "best", patience: 2 } as const;
  const run = { recipe, seed: 4, trainOn: "split", limit: 80 } as const;

  test("records both; resumed after any epoch it has the same weights", async () => {
    const through = join(FOLDER, "through");
    await trainNewRun({ ...run, out: through }, options);
    const { result } = readRunRecord(through);
    const best = bestOf(readMetrics(through))!;
    expect(result).toMatchObject({ bestEpoch: best.epoch, stoppedAfter: best.epoch + 2 });
    expect(result!.validationLoss).toBe(best.validationLoss);
    expect(existsSync(join(through, RUN_FILES.best))).toBe(false);

    const out = join(FOLDER, "parts");
    let part = await trainNewRun({ ...run, out }, { ...options, hooks: { isStopRequested: () => true } });
    let parts = 1;
    for (; !part.isFinished; parts++) {
      const stopping = { ...options, allowDifferent: false, hooks: { isStopRequested: () => true } };
      part = await resumeRun(out, stopping);
    }
    expect(parts).toBeGreaterThan(4);
    expectSameRun(out, through);
    expect(readWeights(out)).toEqual(readWeights(through));
  });

  test("is refused without validation images, before its folder is created", async () => {
    const out = join(FOLDER, "never");
    const error = await failureOf(trainNewRun({ ...run, trainOn: "all", out }, options));
    expect(error).toMatchObject({ exitCode: 2 });
    expect(error.message).toMatch(
      /the best epoch is found with validation images, and there are none: leave out `trainOn` all, or/,
    );
    expect(existsSync(out)).toBe(false);
    const job = smallJob({ data: smallSets(80, null), recipe: { keep: "best" } });
    expect((await failureOf(train(job))).message).toMatch(/^the best epoch is found/);
  });
});
