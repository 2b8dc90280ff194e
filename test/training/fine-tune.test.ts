/** Fine-tuning: which layers are trained when and at which rates, in two stages. */
import { appendFileSync, copyFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import type { LoadedData } from "../../src/data/node/chain.ts";
import { loadFashionMnist } from "../../src/data/node/fashion-mnist.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { resnet18Imagenet } from "../../src/models/field/resnet.ts";
import {
  batchNorm,
  conv2d,
  flatten,
  globalAveragePool,
  linear,
  type Model,
  named,
  relu,
  sequential,
} from "../../src/nn/index.ts";
import { initialTensors, withoutNormalization } from "../../src/nn/model.ts";
import { createOptimizer } from "../../src/optim/index.ts";
import type { FineTune } from "../../src/recipes/fine-tune.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { checkRecipe, type Recipe } from "../../src/recipes/recipe.ts";
import { startFrom } from "../../src/recipes/start-from.ts";
import { RUN_FILES, readRunRecord, readState, readWeights } from "../../src/runs/node/run-files.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { isStopping } from "../../src/training/best-epoch.ts";
import { openPretrained } from "../../src/training/node/pretrained.ts";
import { extendRun, resumeRun, trainNewRun } from "../../src/training/node/train-run.ts";
import { trainingStages } from "../../src/training/stages.ts";
import { openTraining, type TrainingSnapshot, train } from "../../src/training/train.ts";
import { trainingProgram } from "../../src/training/training-program.ts";
import { userErrorOf } from "../runs/support/helpers.ts";
import { sampleMetrics } from "../runs/support/samples.ts";
import { lowerings } from "../support/run-program.ts";
import { IS_THOROUGH } from "../support/thorough.ts";
import { failureOf } from "./support/failure.ts";
import { fingerprint, RECIPE, smallJob, trainAndCompare } from "./support/jobs.ts";
import { expectSameRun } from "./support/same-run.ts";
import { scriptedRuntime } from "./support/scripted-runtime.ts";
import { sharedFolder, smallDataFolder } from "./support/small-data.ts";

const body = () => [conv2d(6, { kernelSize: 3, padding: 1, stride: 2 }), batchNorm(), relu()];
const NET: Model = {
  name: "net",
  layers: ({ classes }) => [
    named("stem", sequential(body())),
    named("middle", sequential(body())),
    named("late", sequential(body())),
    named("later", sequential(body())),
    globalAveragePool(),
    flatten(),
    named("fc", linear(classes)),
  ],
};
const TASK = { channels: 1, height: 14, width: 14, classes: 10 };

const stagesOf = (fineTune: FineTune, { model = NET, epochs = 3 } = {}) =>
  trainingStages({ model, epochs, fineTune }, TASK);

/** A step of a stage, compiled: how many operations of each pass its layers have. */
function passesOf(fineTune: FineTune, { stage = 0, model = NET, task = TASK } = {}) {
  const { tuning } = trainingStages({ model, epochs: 3, fineTune }, task)[stage]!;
  const { program } = trainingProgram(model, {
    ...{ task, batchSize: 8, normalization: withoutNormalization(task), labelSmoothing: 0, tuning },
    optimizer: createOptimizer({ kind: "sgd" }),
  });
  const { operations } = compile(program, { kind: "standard" });
  return (pass: "forward" | "backward" | "update", layers: string) =>
    operations.filter(({ origin }) => origin?.pass === pass && origin.layer.startsWith(layers)).length;
}

describe("a step", () => {
  test("has no backward pass and no update of frozen layers, as long as nothing before them is trained", () => {
    const all = passesOf({});
    const frozen = passesOf({ frozen: ["stem", "middle"] });
    for (const layers of ["stem", "middle"]) {
      expect(all("backward", layers)).toBeGreaterThan(0);
      expect(frozen("forward", layers)).toBeGreaterThan(0);
      expect(frozen("backward", layers)).toBe(0);
    }
    expect(frozen("backward", "late")).toBeGreaterThan(0);
    expect(frozen("update", "stem.0")).toBe(0);
    expect(all("update", "stem.0")).toBeGreaterThan(0);
  });

  test("of the head alone has only the head's, here a twentieth of ResNet-18's gradients", () => {
    const task = { channels: 3, height: 32, width: 32, classes: 5 };
    const fineTune = { headEpochs: 1 };
    const head = passesOf(fineTune, { model: resnet18Imagenet, task });
    const whole = passesOf(fineTune, { stage: 1, model: resnet18Imagenet, task });
    expect(head("backward", "fc")).toBeGreaterThan(0);
    expect(head("backward", "")).toBe(head("backward", "fc") + head("backward", "loss"));
    expect(whole("backward", "") / head("backward", "")).toBeGreaterThan(20);
  });
});

describe("rates", () => {
  test("are the earliest in the first half of the weights before the head, and the full one in the head", () => {
    const [{ tuning }] = stagesOf({ earlyRate: 0.04 });
    const names = ["stem.0.weight", "stem.1.bias", "middle.1.weight", "late.0.weight", "later.1.bias", "fc.weight"];
    expect(names.map(tuning.rateOf)).toEqual([0.04, 0.04, 0.04, 0.2, 0.2, 1]);
  });

  test("rise and fall anew in each stage", async () => {
    const rates: number[] = [];
    const schedule = { kind: "cosine" } as const;
    const job = smallJob({ recipe: { model: NET, schedule, epochs: 3, fineTune: { headEpochs: 1 } } });
    await train(job, {
      onStep({ learningRate }) {
        rates.push(learningRate / job.recipe.learningRate);
      },
    });
    // Two steps of the head, five of all layers.
    const cosine = (step: number, of: number) => (1 + Math.cos((Math.PI * step) / of)) / 2;
    const expected = [...[0, 1].map((step) => cosine(step, 2)), ...[0, 1, 2, 3, 4].map((step) => cosine(step, 5))];
    expect(rates).toBeClose(expected, { tolerance: 1e-12 });
  });
});

test("the optimizer's steps are counted anew in each stage, at each rate", async () => {
  const { runtime, recording } = scriptedRuntime();
  const fineTune = { headEpochs: 1, earlyRate: 0.25 };
  await train(smallJob({ runtime, recipe: { model: NET, epochs: 3, fineTune, schedule: { kind: "constant" } } }));
  const fed = (name: string) => recording.steps.map((feeds) => feeds[`optimizer.${name}`]?.[0]);
  // Adam's correction of its first step, and of its second.
  const [first, second] = fed("scaledEpsilon");
  expect(first).toBeLessThan(second!);
  expect(fed("scaledEpsilon").slice(2, 4)).toEqual([first, second]);
  expect(fed("stepSize at 0.25")[0]).toBeUndefined();
  expect(fed("stepSize at 0.25")[2]! / fed("stepSize")[2]!).toBeCloseTo(0.25, 6);
  expect(fed("stepSize at 0.5")[2]! / fed("stepSize")[2]!).toBeCloseTo(0.5, 6);
  expect(recording.released).toBe(recording.opened);
});

/** A training with everything that a stage has of its own: slots, averages, running statistics. */
const TUNED = {
  model: NET,
  epochs: 4,
  averaging: { kind: "exponential", decay: 0.9 },
  fineTune: { headEpochs: 2, earlyRate: 0.1, frozen: ["stem"] },
} as const;

describe("a training in two stages", () => {
  const job = smallJob({ recipe: TUNED });
  const snapshots: TrainingSnapshot[] = [];
  let through: Awaited<ReturnType<typeof trainAndCompare>>;

  beforeAll(async () => {
    // Stopped after each step and begun again from there.
    through = await trainAndCompare(job);
    let from: TrainingSnapshot | undefined;
    for (let isFinished = false; !isFinished; ) {
      const outcome = await train(job, { isStopRequested: () => true }, from);
      from = outcome.snapshot;
      snapshots.push(from);
      isFinished = outcome.isFinished;
    }
  });

  test("ends with the same weights however often it is stopped, in either stage or between them", () => {
    expect(snapshots.map(({ position }) => position.step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(fingerprint(snapshots.at(-1)!)).toBe(through.hash);
  });

  test("leaves frozen layers and, in the head's epochs, all but the head as they were; their statistics move", async () => {
    const { graph } = through;
    const first = initialTensors(graph, job.seed);
    const [ofHead, ofAll] = [snapshots[4]!.tensors, snapshots.at(-1)!.tensors];
    const changed = (tensors: ReadonlyMap<string, Float32Array>) =>
      graph.tensors.map(({ name }) => name).filter((name) => !isSame(tensors.get(name)!, first.get(name)!));
    const statistics = graph.buffers.map(({ name }) => name);
    expect(changed(ofHead).toSorted()).toEqual(["fc.weight", "fc.bias", ...statistics].toSorted());
    const frozen = graph.tensors.map(({ name }) => name).filter((name) => /^stem.*(weight|bias)$/.test(name));
    expect(frozen).toHaveLength(4);
    expect(changed(ofAll)).toEqual(graph.tensors.map(({ name }) => name).filter((name) => !frozen.includes(name)));
  });

  test("has optimizer state and averages only of what the stage trains", () => {
    const slots = (tensors: ReadonlyMap<string, Float32Array>) =>
      [...tensors.keys()].filter((name) => name.endsWith(".exp_avg"));
    expect(slots(snapshots[4]!.tensors)).toEqual(["fc.weight.exp_avg", "fc.bias.exp_avg"]);
    expect(slots(snapshots[5]!.tensors)).toHaveLength(3 * 4 + 2);
    expect([...snapshots[5]!.tensors.keys()]).not.toContain("stem.0.weight.average");
  });
});

test("every lowering trains the same, with averages, rates and frozen layers", async () => {
  const losses: number[][] = [];
  for (const lowering of lowerings()) {
    const { epochs } = await trainAndCompare(smallJob({ lowering, recipe: { ...TUNED } }));
    losses.push(epochs.map(({ trainLoss }) => trainLoss));
  }
  expect(losses.length).toBeGreaterThan(1);
  for (const others of losses.slice(1)) expect(others).toBeClose(losses[0]!, { tolerance: 1e-4 });
});

test("frozen batch norm leaves the running statistics as they were, and evaluates as it trained", async () => {
  const recipe = { model: NET, fineTune: { batchNorm: "frozen" } } as const;
  const { graph, tensors } = await train(smallJob({ recipe }));
  expect(graph.buffers).toHaveLength(8);
  for (const { name, value, initialize } of graph.buffers) {
    expect(tensors.get(name)).toEqual(initialize(value.shape, undefined as never));
  }
});

test("patience counts no epochs of the head alone", () => {
  const best = { ...sampleMetrics[0]!, epoch: 1 };
  const fineTune = { headEpochs: 5 };
  expect([6, 7].map((epochs) => isStopping({ patience: 2, fineTune }, epochs, best))).toEqual([false, true]);
});

describe("refused", () => {
  test.each<[FineTune, RegExp]>([
    [{ frozen: ["layer1"] }, /no layer with parameters is called "layer1"; there are: stem, middle, late, later, fc$/],
    [{ frozen: ["late.7"] }, /called "late\.7"; there are: late\.0, late\.1$/],
    [{ frozen: ["lat"] }, /called "lat"; there are: stem, /],
    [
      { frozen: ["stem", "middle", "late", "later", "fc"] },
      /stem, middle, late, later, fc freezes every layer, so nothing is trained; leave some out/,
    ],
    [
      { headEpochs: 1, frozen: ["fc"] },
      /fc freezes the head, so nothing is trained; leave the head out of frozen, or /,
    ],
  ])("%j", (fineTune, message) => {
    const refusal = userErrorOf(() => stagesOf(fineTune));
    expect(refusal.exitCode).toBe(2);
    expect(refusal.message).toMatch(message);
  });

  test.each<[Partial<Recipe>, RegExp]>([
    [{ fineTune: { headEpochs: 4 } }, /headEpochs must be a whole number from 0 to 3, the epochs in all, got 4/],
    [{ fineTune: { headEpochs: 0.5 } }, /headEpochs must be a whole number/],
    [{ fineTune: { earlyRate: 0 } }, /earlyRate must be above 0 and at most 1, got 0/],
    [{ fineTune: { earlyRate: 2 } }, /earlyRate must be above 0 and at most 1, got 2/],
  ])("%j", (fields, message) => {
    expect(userErrorOf(() => checkRecipe({ ...RECIPE, ...fields })).message).toMatch(message);
  });

  test("a training that is not given the weights it starts from", async () => {
    const pretrained = { file: "x.safetensors", sha256: "0".repeat(64) };
    await expect(train(smallJob({ recipe: { pretrained } }))).rejects.toThrow(/x\.safetensors, whose tensors are not/);
  });
});

test("a training that starts from weights begins with them, bit for bit", async () => {
  const job = smallJob({ recipe: { model: NET } });
  const { graph } = await train(job, { isStopRequested: () => true });
  const initial = initialTensors(graph, 99);
  const started = await openTraining({ ...job, initial });
  started.begin();
  const tensors = await started.save();
  await started.session.release();
  for (const [name, values] of initial) expect(tensors.get(name)).toEqual(values);
});

describe("a run from the weights of another", () => {
  const FOLDER = sharedFolder();
  const [SOURCE, WEIGHTS] = [join(FOLDER, "source"), join(FOLDER, "weights.safetensors")];
  const SPLIT = { seed: 4, trainOn: "split", limit: 80 } as const;
  let data: LoadedData;
  let recipe: Recipe;
  const options = () =>
    ({ data, threads: 1, lowering: "standard", runtime: nodeRuntime, allowDifferent: false, stepsPerCall: 1 }) as const;

  beforeAll(async () => {
    data = await loadFashionMnist({ folder: await smallDataFolder({ train: 120, test: 20 }) });
    const source: Recipe = { ...findRecipe("tiny"), epochs: 1, batchSize: 16 };
    await trainNewRun({ recipe: source, ...SPLIT, out: SOURCE }, options());
    copyFileSync(join(SOURCE, RUN_FILES.weights), WEIGHTS);
    const { pretrained } = await openPretrained(WEIGHTS, source.model, () => {});
    recipe = startFrom({ ...source, batchSize: 32 }, pretrained, { epochs: 4, headEpochs: 2 });
  });

  test("records the file with its checksum, and normalises as it does", async () => {
    const { normalization } = readRunRecord(SOURCE).data;
    await trainNewRun({ recipe, ...SPLIT, limit: 70, out: join(FOLDER, "through") }, options());
    const record = readRunRecord(join(FOLDER, "through"));
    expect(record.data.normalization).toEqual(normalization);
    expect(record.recipe).toMatchObject({
      pretrained: { file: WEIGHTS, normalization, image: { channels: 1, height: 28, width: 28 } },
      fineTune: { headEpochs: 2, earlyRate: 0.1 },
    });
    expect(record.recipe.pretrained).toHaveProperty("sha256", expect.stringMatching(/^[0-9a-f]{64}$/));
    expect(readState(join(FOLDER, "through")).metadata.step).toBe("8");
  });

  test.each(IS_THOROUGH ? [1, 2, 3] : [2])(
    "is resumed to the same weights after epoch %d, whose file may be gone",
    async (epoch) => {
      const [through, stopped] = [join(FOLDER, "through"), join(FOLDER, `stopped${epoch}`)];
      const hooks = { onEpoch: (line: { epoch: number }) => (line.epoch === epoch ? ("stop" as const) : undefined) };
      await trainNewRun({ recipe, ...SPLIT, limit: 70, out: stopped }, { ...options(), hooks });
      renameSync(WEIGHTS, `${WEIGHTS}.away`);
      try {
        await resumeRun(stopped, options());
      } finally {
        renameSync(`${WEIGHTS}.away`, WEIGHTS);
      }
      expectSameRun(stopped, through);
    },
  );

  test("of the head alone is extended to all layers, to the weights of one training", async () => {
    const [short, long] = [join(FOLDER, "short"), join(FOLDER, "long")];
    await trainNewRun({ recipe: { ...recipe, epochs: 2 }, ...SPLIT, limit: 70, out: short }, options());
    await extendRun(short, { epochs: 4, out: long }, options());
    const sumOf = (run: string) => readRunRecord(run).result?.weightsSha256;
    expect(sumOf(long)).toBe(sumOf(join(FOLDER, "through")));
    expect(sumOf(short)).not.toBe(sumOf(long));
  });

  test("is not resumed when the file has changed since, nor begun", async () => {
    const stopped = join(FOLDER, "changed");
    const hooks = { onEpoch: () => "stop" as const };
    await trainNewRun({ recipe, ...SPLIT, out: stopped }, { ...options(), hooks });
    copyFileSync(WEIGHTS, `${WEIGHTS}.kept`);
    appendFileSync(WEIGHTS, " ");
    try {
      expect((await failureOf(resumeRun(stopped, options()))).message).toMatch(/has changed since the run began/);
      writeFileSync(WEIGHTS, encodeSafetensors(readWeights(SOURCE).tensors));
      expect((await failureOf(resumeRun(stopped, options()))).message).toMatch(/has changed since the run began/);
      const begun = trainNewRun({ recipe, ...SPLIT, out: join(FOLDER, "begun") }, options());
      expect((await failureOf(begun)).message).toMatch(/has changed since the run began/);
    } finally {
      renameSync(`${WEIGHTS}.kept`, WEIGHTS);
      rmSync(join(FOLDER, "begun"), { recursive: true, force: true });
    }
  });
});

function isSame(one: Float32Array, other: Float32Array): boolean {
  return one.every((value, i) => value === other[i]);
}

test("of a built-in recipe, epochs are shortened and the head's are fewer than all", () => {
  const pretrained = { file: "x", sha256: "" };
  const { epochs, fineTune } = startFrom(findRecipe("resnet34"), pretrained, { isShortened: true });
  expect([epochs, fineTune]).toEqual([12, { headEpochs: 2, earlyRate: 0.1 }]);
  expect(startFrom(findRecipe("resnet34"), pretrained, { epochs: 1 }).fineTune).toMatchObject({ headEpochs: 0 });
  expect(startFrom(findRecipe("resnet34"), pretrained).epochs).toBe(60);
});
