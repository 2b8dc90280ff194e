/**
 * Work on the GPU in a process of its own, as its environment says where the Vulkan loader is: `node gpu-child.js PART
 * [ARGUMENT...]`. Prints JSON lines. Uses the built package.
 */
import { createRequire } from "node:module";

const BUILD = new URL("../../../build/", import.meta.url);
const load = (file) => import(new URL(file, BUILD).href);
const { compile } = await load("compile/compile.js");
const { multiply, add } = await load("ops/elementwise.js");
const { channelSum } = await load("ops/channels.js");
const { input } = await load("ops/leaves.js");
const { gpuRuntime } = await load("runtime/webgpu/node/index.js");

const answer = (object) => console.log(JSON.stringify(object));
const [part, ...given] = process.argv.slice(2);
await { outOfMemory, concurrent, getData, steps }[part](...given);
process.exit(0);

function open(program) {
  return gpuRuntime().open(compile(program, { kind: "gpu" }), { threads: 1 });
}

/** A tensor of 6.4 GB, larger than SwiftShader takes. */
async function outOfMemory() {
  const SIDE = 40_000;
  const [a, b] = [input("a", [SIDE, 1]), input("b", [1, SIDE])];
  const session = await open({
    name: "large",
    feeds: [a, b],
    state: [],
    outputs: { sums: channelSum(multiply(a, b)) },
  });
  const ones = new Float32Array(SIDE).fill(1);
  answer(
    await session.run({ a: ones, b: ones }).then(
      () => ({}),
      ({ message }) => ({ message }),
    ),
  );
}

/** Two sessions that do steps at the same time. */
async function concurrent() {
  const [x, sum] = [input("x", [64]), input("sum", [64])];
  const state = (by) => [{ name: "sum", input: sum, next: add(sum, multiply(x, by)) }];
  const sessions = [];
  for (const by of [x, add(x, x)]) {
    const session = await open({
      name: "sums",
      feeds: [x],
      state: state(by),
      outputs: { last: multiply(sum, x) },
    });
    session.load(new Map([["sum", new Float32Array(64)]]));
    sessions.push(session);
  }
  const feeds = { x: new Float32Array(64).fill(3) };
  const saved = await Promise.all(
    sessions.map(async (session) => {
      for (let run = 0; run < 10; run++) await session.run(feeds);
      return session.save();
    }),
  );
  answer(saved.map((tensors) => tensors.get("sum")[63]));
}

/** What ONNX Runtime's own way to read a tensor from the GPU's memory does. */
async function getData() {
  const ort = createRequire(import.meta.url)("onnxruntime-node");
  const x = input("x", [4]);
  const { model } = compile({ name: "twice", feeds: [x], state: [], outputs: { y: add(x, x) } }, { kind: "gpu" });
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["webgpu"],
    preferredOutputLocation: { y: "gpu-buffer" },
    logSeverityLevel: 3,
  });
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(1, 2, 3, 4), [4]) });
  answer({ location: y.location });
  answer([...(await y.getData())]);
}

/** Each recipe's step and evaluation, by ONNX Runtime's profile; of steps that are the same one only. */
async function steps(...names) {
  const { gpuTracingRuntime } = await load("bench/gpu-work.js");
  const { createImageSet } = await load("data/image-set.js");
  const { imageTask } = await load("data/training-data.js");
  const { evaluationProgram } = await load("evaluation/evaluate.js");
  const { openTraining } = await load("training/train.js");
  const { initialTensors } = await load("nn/model.js");
  const { RECIPES } = await load("recipes/index.js");
  const BATCH = 2;
  const images = Uint8Array.from({ length: BATCH * 28 * 28 }, (_, i) => (i * 37) % 256);
  const classNames = [..."0123456789"];
  const set = createImageSet(
    { images, labels: Uint8Array.of(3, 7), channels: 1, height: 28, width: 28, classNames },
    "made up",
  );
  const normalization = { mean: [0.3], standardDeviation: [0.35] };
  let traces = [];
  const kinds = [];
  const tracing = gpuTracingRuntime(({ name }, trace) => traces.push({ program: name, ...trace }));
  const runtime = {
    ...tracing,
    open(program, how) {
      kinds.push(program.operations.map(({ kind }) => kind).join());
      return tracing.open(program, how);
    },
  };
  const known = new Set();
  for (const recipe of RECIPES.filter(({ name }) => names.includes(name))) {
    traces = [];
    const job = { recipe: { ...recipe, batchSize: BATCH }, data: { train: set, validation: null }, normalization };
    const training = await openTraining({ ...job, seed: 1, threads: 1, lowering: { kind: "gpu" }, runtime });
    const step = kinds.at(-1);
    if (known.has(step)) {
      await training.session.release();
      answer({ recipe: recipe.name, isKnown: true });
      continue;
    }
    known.add(step);
    training.begin();
    const { loss } = await training.session.run(training.feeds.fill(0, [1e-3]));
    await training.session.release();
    if (!known.has(recipe.model.name)) {
      known.add(recipe.model.name);
      const program = evaluationProgram(recipe.model, { task: imageTask(set), batchSize: BATCH, normalization });
      const session = await runtime.open(compile(program, { kind: "gpu" }), { threads: 1 });
      session.load(initialTensors(training.graph, 1));
      await session.run({ pixels: images });
      await session.release();
    }
    for (const { program, runs, nodes, launches } of traces) {
      const processorNodes = nodes.filter(({ provider }) => provider !== "WebGpuExecutionProvider");
      answer({
        recipe: recipe.name,
        program,
        loss: loss[0],
        runs,
        nodes: nodes.length,
        launches: launches.length,
        processorNodes,
      });
    }
  }
}
