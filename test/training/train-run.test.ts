import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { LoadedData } from "../../src/data/node/chain.ts";
import { loadData } from "../../src/data/node/custom-data.ts";
import { imageTask } from "../../src/data/training-data.ts";
import { baseStudy } from "../../src/recipes/index.ts";
import { readMetrics, readRunRecord, readState } from "../../src/runs/node/run-files.ts";
import { readRecipe } from "../../src/runs/node/run-recipe.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { gpuError } from "../../src/runtime/webgpu/errors.ts";
import type { NewRun } from "../../src/training/node/new-run.ts";
import type { TrainRunOptions } from "../../src/training/node/train-into.ts";
import { resumeRun, trainNewRun } from "../../src/training/node/train-run.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { failureOf } from "./support/failure.ts";
import { RECIPE } from "./support/jobs.ts";
import { expectSameRun, withoutTimes } from "./support/same-run.ts";
import { scriptedRuntime } from "./support/scripted-runtime.ts";
import { sharedFolder, smallDataFolder } from "./support/small-data.ts";

const FOLDER = sharedFolder();
const THROUGH = join(FOLDER, "through");
const data: LoadedData = await loadData({
  folder: await smallDataFolder({ train: 120, test: 20, isHalved: true }),
});
/** 80 of 110 images in batches of 32: epochs end after 2, 5 and 7 steps. */
const RUN: Omit<NewRun, "out"> = {
  recipe: { ...RECIPE, name: "base", schedule: { kind: "cosine", warmUp: { epochs: 1, startFactor: 0.1 } } },
  seed: 4,
  trainOn: "split",
  limit: 80,
};
const OPTIONS: TrainRunOptions & { allowDifferent: boolean } = {
  data,
  threads: 1,
  lowering: "standard",
  runtime: nodeRuntime,
  allowDifferent: false,
  stepsPerCall: 1,
};

/**
 * The run's folder as a kill would have left it: copied at the end of each epoch, after state and metrics were written.
 */
const afterEpoch = (epoch: number) => join(FOLDER, `after${epoch}`);

beforeAll(async () => {
  const onEpoch = ({ epoch }: { epoch: number }) => cpSync(THROUGH, afterEpoch(epoch), { recursive: true });
  const onStart = (folder: string) => cpSync(folder, afterEpoch(0), { recursive: true });
  await trainNewRun({ ...RUN, out: THROUGH }, { ...OPTIONS, hooks: { onEpoch }, onStart });
});

describe("a run's folder", () => {
  test("gets its record before the first step, metrics and state each epoch, and the rest at the end", () => {
    const filesOf = (folder: string) => readdirSync(folder).sort().join(" ");
    expect(filesOf(afterEpoch(0))).toBe("lock run.json");
    expect(readRunRecord(afterEpoch(0))).toMatchObject({ status: "running", result: null, limit: 80, seed: 4 });
    for (const [epoch, step] of [
      [1, "2"],
      [2, "5"],
      [3, "7"],
    ] as const) {
      expect(filesOf(afterEpoch(epoch))).toBe("lock metrics.jsonl run.json state.safetensors");
      expect(readMetrics(afterEpoch(epoch))).toHaveLength(epoch);
      expect(readState(afterEpoch(epoch)).metadata.step).toBe(step);
    }
    expect(filesOf(THROUGH)).toBe("metrics.jsonl model.onnx run.json state.safetensors weights.safetensors");
    expect(readRunRecord(THROUGH).status).toBe("finished");
  });

  test("contains the whole recipe, from which a resumed run reads it", () => {
    const { model, ...rest } = RUN.recipe;
    expect(readRunRecord(THROUGH).recipe).toEqual({ ...rest, model: model.name });
  });

  test("of a network that a program gave says so where the program is not there to give it", async () => {
    const record = readRunRecord(THROUGH);
    const own = { ...record, model: "small", recipe: { ...record.recipe, model: "small" } };
    const task = imageTask(data.train);
    expect((await failureOf(readRecipe(THROUGH, own, { task }))).message).toBe(
      `the network "small" of ${THROUGH} was given by a program, and only that program has its layers: resume the run there, by resumeRun with the option model (evaluate and predict do not need it)`,
    );
  });
});

describe("a run that was killed", () => {
  /** A copy to go on from; its lock is a dead process's. */
  function killed(epoch: number, change: (folder: string) => void = () => {}): string {
    const folder = join(FOLDER, `killed-${Math.random()}`);
    cpSync(afterEpoch(epoch), folder, { recursive: true });
    rmSync(join(folder, "lock"));
    change(folder);
    return folder;
  }

  test.each(IS_THOROUGH ? [0, 1, 2, 3] : [0, 2])(
    "after epoch %i is resumed to the same metrics, weights and model",
    async (epoch) => {
      const run = killed(epoch);
      let from: number | undefined;
      await resumeRun(run, { ...OPTIONS, onStart: (_folder, _record, snapshot) => (from = snapshot?.position.step) });
      expect(from).toBe([undefined, 2, 5, 7][epoch]);
      expectSameRun(run, THROUGH);
    },
  );

  test("between writing the metrics and the state of an epoch repeats that epoch, with one line for it", async () => {
    for (const epoch of [0, 1, 2]) {
      const run = killed(epoch, (folder) =>
        cpSync(join(afterEpoch(epoch + 1), "metrics.jsonl"), join(folder, "metrics.jsonl")),
      );
      expect(readMetrics(run)).toHaveLength(epoch + 1);
      await resumeRun(run, OPTIONS);
      expectSameRun(run, THROUGH);
    }
  });

  test("between the weights and the last record writes them again", async () => {
    const run = killed(3, (folder) =>
      cpSync(join(THROUGH, "weights.safetensors"), join(folder, "weights.safetensors")),
    );
    await resumeRun(run, { ...OPTIONS, threads: 2 });
    expectSameRun(run, THROUGH);
  });
});

describe("a run that is stopped", () => {
  test("within an epoch saves its sums, so that the epoch's means are those of the whole epoch", async () => {
    const out = join(FOLDER, "stopped");
    let steps = 0;
    const stopAfter = (most: number) => ({ isStopRequested: () => ++steps >= most });
    expect(await trainNewRun({ ...RUN, out }, { ...OPTIONS, hooks: stopAfter(3) })).toMatchObject({
      isFinished: false,
      folder: out,
      step: 3,
    });
    expect(readMetrics(out).map(withoutTimes)).toEqual(readMetrics(THROUGH).slice(0, 1).map(withoutTimes));
    steps = 0;
    expect(await resumeRun(out, { ...OPTIONS, hooks: stopAfter(1) })).toMatchObject({ isFinished: false, step: 4 });
    expect(readdirSync(out).sort()).toEqual(["metrics.jsonl", "run.json", "state.safetensors"]);
    await resumeRun(out, OPTIONS);
    expectSameRun(out, THROUGH);
    const [first, , last] = readMetrics(out);
    expect(last!.seconds).toBeGreaterThan(first!.seconds);
  });
});

describe("a run whose GPU fails", () => {
  /** The processor, as a GPU whose device is lost at a step, from 1. */
  const losing = (lastStep: number, fallback?: Runtime): Runtime => ({
    ...nodeRuntime,
    lowerings: async () => [{ kind: "standard" }],
    gpu: { name: "Model 9", backend: "Metal" },
    ...(fallback && { fallback }),
    async open(program, options) {
      const session = await nodeRuntime.open(program, options);
      let step = 0;
      return {
        load: (tensors) => session.load(tensors),
        save: () => session.save(),
        release: () => session.release(),
        run(feeds, steps) {
          if (program.state.length > 0 && ++step === lastStep) throw gpuError(new Error("Device was lost"));
          return session.run(feeds, steps);
        },
      };
    },
  });

  test.each([2, 4])(
    "at step %i goes on with the processor from the last epoch, and the record says so",
    async (step) => {
      const out = join(FOLDER, `lost-${step}`);
      const said: string[] = [];
      const options = { ...OPTIONS, runtime: losing(step, nodeRuntime), report: (line: string) => said.push(line) };
      await trainNewRun({ ...RUN, out }, options);
      expectSameRun(out, THROUGH);
      expect(said).toEqual([expect.stringMatching(/^going on with the processor: the GPU failed \(the GPU was lost/)]);
      expect(readRunRecord(out)).not.toHaveProperty("gpu");
      expect(readRunRecord(out)).toMatchObject({ device: expect.stringMatching(/^processor: the GPU failed/) });
    },
  );

  test("fails where nothing may take its place; its last epoch is there to resume", async () => {
    const out = join(FOLDER, "lost");
    const error = await failureOf(trainNewRun({ ...RUN, out }, { ...OPTIONS, runtime: losing(4) }));
    expect(error.message).toMatch(
      /the GPU was lost .* the last finished epoch is saved: resume the run, or use `device` cpu/,
    );
    expect(readRunRecord(out)).toMatchObject({ status: "running", gpu: { name: "Model 9" } });
    await resumeRun(out, { ...OPTIONS, allowDifferent: true });
    expectSameRun(out, THROUGH);
  });
});

describe("a run that diverges", () => {
  test("fails with the step and what to try; files of earlier epochs remain, and it is not a finished run", async () => {
    const out = join(FOLDER, "diverged");
    const { runtime } = scriptedRuntime({ loss: (step) => (step === 3 ? Number.NaN : 2) });
    const error = await failureOf(trainNewRun({ ...RUN, out }, { ...OPTIONS, runtime }));
    expect(error.exitCode).toBe(1);
    expect(error.message).toMatch(/diverged: the loss became NaN at step 4 \(epoch 2\)\. Try a lower learning rate/);
    expect(readdirSync(out).sort()).toEqual(["metrics.jsonl", "run.json", "state.safetensors"]);
    expect(readMetrics(out)).toHaveLength(1);
    expect(readState(out).metadata.step).toBe("2");
    expect(readRunRecord(out).status).toBe("running");
  });

  test("in its first epoch leaves only its record, and can be started over in the same folder", async () => {
    const out = join(FOLDER, "at once");
    const { runtime } = scriptedRuntime({ loss: () => Number.POSITIVE_INFINITY });
    await failureOf(trainNewRun({ ...RUN, out }, { ...OPTIONS, runtime }));
    expect(readdirSync(out)).toEqual(["run.json"]);
    const recipe = { ...RUN.recipe, learningRate: 1e-4 };
    expect(await trainNewRun({ ...RUN, recipe, out }, OPTIONS)).toMatchObject({ isFinished: true });
    expect(readRunRecord(out).learningRate).toBe(1e-4);
  });
});

describe("invalid runs", () => {
  test.each<[string, Partial<NewRun>, RegExp]>([
    ["a recipe of no epochs", { recipe: { ...RUN.recipe, epochs: 0 } }, /^epochs must be a whole number from 1 to/],
    ["a rate of NaN", { recipe: { ...RUN.recipe, learningRate: Number.NaN } }, /^learning rate must be a number above/],
    [
      "a batch larger than the data",
      { limit: 31 },
      /^batch size 32 is more than the 31 training images; use `batchSize` 31 or less/,
    ],
    ["more images than there are", { limit: 111 }, /^limit: 111 of 110 training images cannot be kept/],
  ])("%s is refused before the folder is created", async (_, changes, message) => {
    const out = join(FOLDER, "never");
    const error = await failureOf(trainNewRun({ ...RUN, out, ...changes }, OPTIONS));
    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });

  test("a folder with other contents is refused and not changed", async () => {
    const out = join(FOLDER, "other");
    mkdirSync(join(out, "photos"), { recursive: true });
    const error = await failureOf(
      trainNewRun({ ...RUN, recipe: { ...baseStudy, batchSize: 32 }, limit: null, out }, OPTIONS),
    );
    expect(error.message).toMatch(/is not empty and not a run folder/);
    expect(readdirSync(out)).toEqual(["photos"]);
    expect(readFileSync(join(THROUGH, "run.json"), "utf8")).toContain('"status": "finished"');
  });
});
