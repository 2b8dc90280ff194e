import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Lowering } from "../../src/compile/program.ts";
import { trainingBatches } from "../../src/data/batches.ts";
import type { ImageSet } from "../../src/data/image-set.ts";
import { imageTask, normalizationOf } from "../../src/data/training-data.ts";
import { evaluateReference } from "../../src/graph/evaluate.ts";
import { resnet18 } from "../../src/models/resnet18.ts";
import { enhanced } from "../../src/models/study.ts";
import { tiny } from "../../src/models/tiny.ts";
import {
  batchNorm,
  conv2d,
  dropout,
  flatten,
  globalAveragePool,
  linear,
  type Model,
  relu,
} from "../../src/nn/index.ts";
import { buildModel, initialTensors } from "../../src/nn/model.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { openStatistics, statisticsProgram, stepsToSettle } from "../../src/training/batch-statistics.ts";
import { train } from "../../src/training/train.ts";
import { needTorch, python } from "../exchange/support/python.ts";
import { lowerings } from "../support/run-program.ts";
import { smallJob, smallSets, trainAndCompare } from "./support/jobs.ts";
import { scriptedRuntime } from "./support/scripted-runtime.ts";
import { sharedFolder } from "./support/small-data.ts";

const small = (momentum = 0.1): Model => ({
  name: "small",
  layers: ({ classes }) => [
    conv2d(8, { kernelSize: 3, bias: false }),
    batchNorm({ momentum }),
    relu(),
    conv2d(8, { kernelSize: 3 }),
    batchNorm({ momentum }),
    globalAveragePool(),
    flatten(),
    linear(classes),
  ],
});

const dense: Model = {
  name: "dense",
  layers: ({ classes }) => [flatten(), linear(12), batchNorm(), dropout(0.5), linear(9), batchNorm(), linear(classes)],
};

/** The batches of a training's first epoch, none of it augmented. */
function firstEpoch(images: ImageSet, batchSize: number, seed: number): Uint8Array[] {
  const batches = trainingBatches({ set: images, batchSize, seed });
  return Array.from({ length: Math.ceil(images.count / batchSize) }, (_, step) => {
    const pixels = new Uint8Array(batchSize * 784);
    batches.fill(step, pixels, new Int32Array(batchSize));
    return pixels;
  });
}

const images = smallSets(50, null).train;
const normalization = normalizationOf(images);
const task = imageTask(images);
const options = { images, normalization, batchSize: 16, seed: 5, threads: 1, runtime: nodeRuntime };
const graphOf = (model: Model) => buildModel(model, { task, batchSize: 16, mode: "training", normalization });

/** Statistics of a network with its first weights, estimated by the engine. */
async function estimated(model: Model, lowering: Lowering) {
  const graph = graphOf(model);
  const tensors = initialTensors(graph, 3);
  const statistics = await openStatistics(graph, { ...options, model, lowering });
  const result = await statistics.estimate(tensors);
  await statistics.release();
  return { tensors, result };
}

describe("re-estimated statistics", () => {
  test.each([
    ["convolutions", small()],
    ["vectors behind dropout", dense],
  ])("of %s are the means of the batches' own, in float64 as in each lowering", async (_, model) => {
    const program = statisticsProgram(model, { task, batchSize: 16, normalization });
    const sums = new Map<string, number[]>();
    const batches = firstEpoch(images, 16, 5);
    expect(batches).toHaveLength(4);
    const tensors = initialTensors(graphOf(model), 3);
    for (const pixels of batches) {
      const feeds = new Map<(typeof program.feeds)[number], ArrayLike<number>>([[program.feeds[0]!, pixels]]);
      for (const value of program.parameters!) feeds.set(value, tensors.get(String(value.attributes.name))!);
      const names = Object.keys(program.outputs);
      for (const [i, values] of evaluateReference(Object.values(program.outputs), feeds).entries()) {
        const name = names[i]!.replace(/\.batch$/, "");
        const sum = sums.get(name);
        sums.set(name, sum ? sum.map((one, channel) => one + values[channel]!) : [...values]);
      }
    }
    for (const lowering of lowerings()) {
      const { result } = await estimated(model, lowering);
      for (const [name, sum] of sums) {
        const scale = Math.max(...sum.map(Math.abs)) / batches.length;
        for (const [channel, value] of sum.entries()) {
          expect(Math.abs(result.get(name)![channel]! - value / batches.length)).toBeLessThan(2e-5 * scale + 1e-7);
        }
      }
    }
  });

  test("are those of PyTorch's update_bn", async (context) => {
    needTorch(context);
    const { tensors, result } = await estimated(small(), { kind: "standard" });
    const file = join(sharedFolder(), "batches.json");
    const [mean, deviation] = [normalization.mean[0]!, normalization.standardDeviation[0]!];
    writeFileSync(
      file,
      JSON.stringify({
        tensors: Object.fromEntries([...tensors].map(([name, values]) => [name, [...values]])),
        batches: firstEpoch(images, 16, 5).map((pixels) => [...pixels]),
      }),
    );
    const script = `
import json, sys, torch
from torch import nn
from collections import OrderedDict as D
torch.set_default_dtype(torch.float64)
given = json.load(open(sys.argv[1]))
net = nn.Sequential(D(conv1=nn.Conv2d(1, 8, 3, bias=False), bn1=nn.BatchNorm2d(8), relu1=nn.ReLU(),
  conv2=nn.Conv2d(8, 8, 3), bn2=nn.BatchNorm2d(8), gap=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc1=nn.Linear(8, 10)))
state = net.state_dict()
for name, values in given["tensors"].items():
    state[name] = torch.tensor(values).reshape(state[name].shape)
net.load_state_dict(state)
batches = [((torch.tensor(b) / 255 - ${mean}) / ${deviation}).reshape(16, 1, 28, 28) for b in given["batches"]]
torch.optim.swa_utils.update_bn(batches, net)
print(json.dumps({k: v.tolist() for k, v in net.state_dict().items() if "running" in k}))
`;
    const expected: Record<string, number[]> = JSON.parse(await python(["-c", script, file]));
    expect(Object.keys(expected)).toHaveLength(4);
    for (const [name, values] of Object.entries(expected)) {
      for (const [channel, value] of values.entries()) {
        expect(result.get(name)![channel]!).toBeCloseTo(value, 5);
      }
    }
  });

  test("leave all other tensors as they are", async () => {
    const { tensors, result } = await estimated(enhanced, { kind: "standard" });
    expect([...result.keys()]).toEqual([...tensors.keys()]);
    for (const [name, values] of tensors) {
      if (!name.includes("running")) expect(result.get(name)).toEqual(values);
      else expect(result.get(name)).not.toEqual(values);
    }
  });
});

test.each([
  [enhanced, 100],
  [tiny, 100],
  [resnet18, 100],
  [small(0.5), 20],
  [small(0.01), 1000],
  [{ name: "plain", layers: () => [flatten(), linear(10)] }, 0],
])("the running statistics of $name settle after ten of their time constants: %d steps", (model, steps) => {
  expect(stepsToSettle(graphOf(model))).toBeCloseTo(steps, 9);
});

describe("training", () => {
  const settlesAfter = (steps: number) => small(10 / steps);

  test("of too few steps ends with re-estimated statistics; the snapshot for resuming keeps the running ones", async () => {
    const { tensors, snapshot } = await train(smallJob({ recipe: { model: settlesAfter(100) } }));
    const running = "bn1.running_var";
    expect(tensors.get(running)).not.toEqual(snapshot.tensors.get(running));
    const job = smallJob({ recipe: { model: settlesAfter(100) } });
    const statistics = await openStatistics(graphOf(job.recipe.model), {
      ...job,
      ...job.recipe,
      images: job.data.train,
    });
    const network = new Map([...tensors.keys()].map((name) => [name, snapshot.tensors.get(name)!]));
    expect(tensors).toEqual(await statistics.estimate(network));
    await statistics.release();
  });

  test("of enough steps ends with the running ones, bit for bit", async () => {
    // Ten epochs of 80 images in batches of 32 are 25 steps.
    const job = smallJob({ recipe: { model: settlesAfter(25), epochs: 10 } });
    const { tensors, snapshot } = await train(job);
    for (const [name, values] of tensors) expect(values).toEqual(snapshot.tensors.get(name));
  });

  test("is validated with re-estimated statistics after each epoch, as long as the running ones cannot have settled", async () => {
    const { runtime, recording } = scriptedRuntime({ update: (value) => value + 1, statistic: 77 });
    await trainAndCompare(smallJob({ runtime, recipe: { model: small(1), epochs: 5 } }));
    // Momentum 1 settles after 10 steps; epochs end after 2, 5, 7, 10 and 12.
    const means = recording.validated.map((tensors) => tensors["bn1.running_mean"]);
    expect(means).toEqual([77, 77, 77, 10, 12]);
  });
});
