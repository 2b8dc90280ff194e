/**
 * Random networks over all layers against PyTorch in float64: a few in every run of the tests, 300 with
 * `npm run test:fuzz`. The other side is the exported PyTorch module, so that the export is tested too.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import { gradients } from "../../src/compile/gradients.ts";
import type { Lowering, Program } from "../../src/compile/program.ts";
import { evaluationProgram } from "../../src/evaluation/evaluate.ts";
import { pytorchModel } from "../../src/formats/pytorch-model.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { buildModel } from "../../src/nn/model.ts";
import { input } from "../../src/ops/leaves.ts";
import { softmaxCrossEntropy } from "../../src/ops/loss.ts";
import { nodeRuntime } from "../../src/runtime/node/index.ts";
import { networkOf } from "../exchange/support/networks.ts";
import { needTorch, python } from "../exchange/support/python.ts";
import { hash } from "../golden/inputs.ts";
import { temporaryFolder } from "../runs/support/helpers.ts";
import { processorLowerings } from "../support/run-program.ts";
import { randomNetwork } from "./random-network.ts";

const COUNT = Number(process.env.TAILOR_FUZZ ?? 12);
const FIRST_SEED = Number(process.env.TAILOR_FUZZ_SEED ?? 1);
/** Networks that one process of Python computes. */
const GROUP = 20;
const BATCH = 6;
/**
 * Two batches of each network. Where a ReLU's input is as good as 0, float32 may be on its other side: a network is wrong
 * when it differs on both.
 */
const BATCHES = 2;
/** Of the largest logit, and of the largest of a tensor's gradients (or of any, where that is much larger). */
const TOLERANCE = 1e-3;
const NEGLIGIBLE = 1e-2;
const THREADS = [1, 2, 3, 4, 8];
const SCRIPT = resolve(import.meta.dirname, "../golden/random_networks.py");

interface Answer {
  readonly logits: readonly number[];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

function made(seed: number) {
  const { model, task } = randomNetwork(seed);
  const network = networkOf(model, task);
  const folder = temporaryFolder();
  const batches = Array.from({ length: BATCHES }, (_, batch) => {
    const size = BATCH * task.channels * task.height * task.width;
    const pixels = Uint8Array.from({ length: size }, (_, i) => hash(100 * seed + batch, i) % 256);
    const labels = Int32Array.from({ length: BATCH }, (_, i) => (i * (seed + batch)) % task.classes);
    const path = join(folder, String(batch));
    mkdirSync(path);
    writeFileSync(join(path, "model.py"), pytorchModel(network));
    writeFileSync(join(path, "weights.safetensors"), encodeSafetensors(network.tensors));
    const shape = [BATCH, task.channels, task.height, task.width];
    const tensors = [
      { name: "pixels", shape, data: Float32Array.from(pixels) },
      { name: "labels", shape: [BATCH], data: Float32Array.from(labels) },
    ];
    writeFileSync(join(path, "input.safetensors"), encodeSafetensors(tensors));
    return { path, pixels, labels };
  });
  return { seed, network, batches };
}

const gradientName = (parameter: string) => `gradient of ${parameter}`;

function programsOf({ model, task, normalization }: ReturnType<typeof networkOf>): Program[] {
  const graph = buildModel(model, { task, batchSize: BATCH, mode: "statistics", normalization });
  const labels = input("labels", [BATCH], "int32");
  const loss = softmaxCrossEntropy(graph.logits, labels, { labelSmoothing: 0 });
  const derivatives = gradients(
    loss,
    graph.parameters.map(({ value }) => value),
  );
  const step = {
    name: model.name,
    feeds: [graph.pixels, labels],
    parameters: graph.tensors.map(({ value }) => value),
    state: [],
    outputs: Object.fromEntries(graph.parameters.map(({ name }, i) => [gradientName(name), derivatives[i]!])),
  };
  return [evaluationProgram(model, { task, batchSize: BATCH, normalization }), step];
}

/** What is wrong, or nothing. */
function difference(results: ReadonlyMap<string, Float32Array>, { logits, gradients: expected }: Answer): string[] {
  const largestOf = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const overall = largestOf(Object.values(expected).map(largestOf));
  const wrong = (name: string, received: Float32Array, values: readonly number[], scale: number): string[] => {
    const error = values.reduce((most, value, i) => Math.max(most, Math.abs(value - received[i]!)), 0);
    if (received.length !== values.length || Number.isNaN(error)) return [`${name}: not the same`];
    return error <= TOLERANCE * scale
      ? []
      : [`${name}: ${(error / scale).toExponential(1)} of ${scale.toExponential(1)}`];
  };
  return [
    ...wrong("logits", results.get("logits")!, logits, largestOf(logits)),
    ...Object.entries(expected).flatMap(([name, values]) =>
      wrong(name, results.get(gradientName(name))!, values, Math.max(largestOf(values), NEGLIGIBLE * overall)),
    ),
  ];
}

/** The results of each batch. */
async function run(one: ReturnType<typeof made>, lowering: Lowering, threads: number) {
  const results = one.batches.map(() => new Map<string, Float32Array>());
  for (const program of programsOf(one.network)) {
    const session = await nodeRuntime.open(compile(program, lowering), { threads });
    try {
      session.load(new Map(one.network.tensors.map(({ name, data }) => [name, data])));
      const isStep = program.feeds.some(({ attributes }) => attributes.name === "labels");
      for (const [i, { pixels, labels }] of one.batches.entries()) {
        const outputs = await session.run(isStep ? { pixels, labels } : { pixels });
        for (const [name, data] of Object.entries(outputs)) results[i]!.set(name, data.slice());
      }
    } finally {
      await session.release();
    }
  }
  return results;
}

const groups = Array.from({ length: Math.ceil(COUNT / GROUP) }, (_, i) => FIRST_SEED + i * GROUP);

test.for(groups)("random networks from %i on have PyTorch's logits and gradients", async (first, context) => {
  needTorch(context);
  const networks = Array.from({ length: Math.min(GROUP, FIRST_SEED + COUNT - first) }, (_, i) => made(first + i));
  const folders = networks.flatMap(({ batches }) => batches.map(({ path }) => path));
  const lines = (await python([SCRIPT, ...folders])).trim().split("\n");
  const answers = lines.map((line): Answer => JSON.parse(line));
  expect(answers).toHaveLength(folders.length);
  const wrong: string[] = [];
  for (const [i, one] of networks.entries()) {
    const threads = THREADS[one.seed % THREADS.length]!;
    for (const lowering of processorLowerings()) {
      const results = await run(one, lowering, threads);
      const differences = results.map((result, batch) => difference(result, answers[i * BATCHES + batch]!));
      if (differences.every(({ length }) => length > 0)) {
        wrong.push(`${one.seed}, ${lowering.kind}, ${threads} threads: ${differences[0]!.slice(0, 3).join("; ")}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test("random networks use every layer", () => {
  const used = new Set(
    Array.from({ length: 200 }, (_, seed) => pythonOf(seed)).flatMap((text) => text.match(CALLS) ?? []),
  );
  expect([...used].sort()).toEqual(expect.arrayContaining([...LAYERS]));
});

const CALLS = /(?:nn|F|torch)\.\w+/g;
const LAYERS = [
  ...["Conv2d", "ConvTranspose2d", "BatchNorm2d", "BatchNorm1d", "LayerNorm", "GroupNorm", "InstanceNorm2d"],
  ...["Linear", "MultiheadAttention", "Parameter", "Dropout"],
].map((name) => `nn.${name}`);

function pythonOf(seed: number): string {
  const { model, task } = randomNetwork(seed);
  return pytorchModel(networkOf(model, task));
}
