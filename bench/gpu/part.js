/**
 * One part of bench/gpu/run.js, in a process of its own: the task comes as JSON in the first argument, the answer is one JSON
 * object, the last line of standard output; `text` in it is a line for people.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { compile } from "../../build/compile/compile.js";
import { createImageSet } from "../../build/data/image-set.js";
import { loadFashionMnist } from "../../build/data/node/fashion-mnist.js";
import { normalizationOf } from "../../build/data/training-data.js";
import { MODELS } from "../../build/models/index.js";
import { relu } from "../../build/ops/elementwise.js";
import { input } from "../../build/ops/leaves.js";
import { RECIPES } from "../../build/recipes/index.js";
import { nodeRuntime } from "../../build/runtime/node/index.js";
import { gpuRuntime } from "../../build/runtime/webgpu/node/index.js";
import { train } from "../../build/training/train.js";

const task = JSON.parse(process.argv[2]);
const PARTS = { environment, open, losses, speed, profile, to94 };
const answer = (object) => console.log(JSON.stringify(object));

await PARTS[task.part](task);
// Sessions that are still open would keep the process.
process.exit(0);

/** The machine, and whether the GPU's provider opens at all. */
async function environment() {
  const cpu = `${cpus().length} x ${cpus()[0]?.model}`;
  const facts = {
    node: process.version,
    onnxruntime: nodeRuntime.version,
    cpu,
    memory: totalmem(),
    nvidia: output("nvidia-smi", ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]),
    torch: output("python3", ["-c", "import torch; print(torch.__version__, torch.cuda.is_available())"]),
    adapters: adapters(),
  };
  const { train: images } = await data();
  const started = performance.now();
  const losses = await trained(job({ recipe: bench("base", 4), images, device: "gpu" }), 1);
  const firstStep = (performance.now() - started) / 1000;
  const text = `${facts.nvidia ?? "no nvidia-smi"}; adapters ${facts.adapters}; ${cpu}; first step after ${firstStep.toFixed(1)} s`;
  answer({ ...facts, firstStep, losses: losses.losses, text });
}

/** The GPUs that Vulkan's loader finds, by name, as it says itself to whoever has it explain. */
function adapters() {
  const said = output(process.execPath, [process.argv[1], '{"part":"open"}'], { VK_LOADER_DEBUG: "info,driver" }) ?? "";
  return [...new Set([...said.matchAll(/\[\d+\] (.+?)\s*$/gm)].map(([, name]) => name))];
}

/** Opens a session on the GPU and does nothing with it. */
async function open() {
  const x = input("x", [1]);
  const program = { name: "nothing", feeds: [], parameters: [x], state: [], outputs: { y: relu(x) } };
  await gpuRuntime().open(compile(program, { kind: "gpu" }), { threads: 1 });
}

/**
 * Losses of the first steps on the processor and on the GPU, and whether the GPU gives the same bits twice. As rounding
 * grows from step to step, the processor's two lowerings are compared too: closer than they are, the GPU cannot be.
 */
async function losses({ recipe: name, steps, batch }) {
  const images = (await data()).train;
  const named = RECIPES.find((recipe) => recipe.name === name);
  const recipe = batch ? { ...named, batchSize: batch } : named;
  const onCpu = job({ recipe, images, device: "cpu" });
  const cpu = await trained({ ...onCpu, lowering: { kind: "standard" } }, steps);
  const [fastest] = await nodeRuntime.lowerings();
  const other = await trained({ ...onCpu, lowering: fastest }, steps);
  const gpu = await trained(job({ recipe, images, device: "gpu" }), steps);
  const again = await trained(job({ recipe, images, device: "gpu" }), steps);
  const relative = relativeErrors(gpu, cpu);
  const relativeOfCpus = relativeErrors(other, cpu);
  const isSameBits = gpu.hash === again.hash;
  const most = (errors) => Math.max(...errors).toExponential(1);
  const text = `relative error of the loss at most ${most(relative.slice(0, 3))} in 3 steps, ${most(relative)} in ${steps} (between the processor's lowerings ${most(relativeOfCpus)}); ${isSameBits ? "same bits twice" : "OTHER BITS the second time"}`;
  answer({
    relative,
    relativeOfCpus,
    isSameBits,
    cpu: cpu.losses,
    gpu: gpu.losses,
    tensors: difference(cpu, gpu),
    text,
  });
}

function relativeErrors(one, reference) {
  return one.losses.map((loss, i) => Math.abs(loss - reference.losses[i]) / Math.abs(reference.losses[i]));
}

/** Images per second of the training loop, batches prepared and losses read, after a warm-up of its own. */
async function speed({ device, network, batch, provider, seconds }) {
  const images = (await data()).train;
  const warmUp = 1;
  const started = performance.now();
  const ends = [];
  let firstStep;
  const what = job({ recipe: bench(network, batch), images, device, provider });
  const [lowering] = await what.runtime.lowerings();
  await train(
    { ...what, lowering },
    {
      onStep({ step }) {
        const at = (performance.now() - started) / 1000;
        firstStep ??= at;
        if (at >= firstStep + warmUp) ends.push({ step, at });
      },
      isStopRequested: () => ends.length > 2 && ends.at(-1).at - ends[0].at >= seconds,
    },
  );
  const steps = ends.at(-1).step - ends[0].step;
  const perStep = (ends.at(-1).at - ends[0].at) / steps;
  const imagesPerSecond = batch / perStep;
  const text = `${Math.round(imagesPerSecond).toLocaleString("en")} images/s, ${(1000 * perStep).toFixed(2)} ms a step, first after ${firstStep.toFixed(1)} s`;
  answer({ imagesPerSecond, millisecondsPerStep: 1000 * perStep, steps, firstStep, text });
}

/** Where a step's time goes on the GPU, by ONNX Runtime's profile: its dispatches with their own clock. */
async function profile({ network, batch, steps, provider }) {
  const images = (await data()).train;
  const folder = mkdtempSync(join(tmpdir(), "tailor-gpu-"));
  const session = { enableProfiling: true, profileFilePrefix: join(folder, "trace") };
  // A first process-wide run compiles the programs; its profile is not looked at.
  await trained(job({ recipe: bench(network, batch), images, device: "gpu", provider, session }), steps);
  const traces = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
  rmSync(folder, { recursive: true });
  const events = traces.sort((a, b) => b.length - a.length)[0];
  const dispatches = events.filter(({ cat }) => cat === "Api");
  const ends = events.filter(({ name }) => name === "model_run").map(({ ts, dur }) => ({ start: ts, duration: dur }));
  const providers = {};
  for (const { cat, args } of events)
    if (cat === "Node") providers[args.provider] = (providers[args.provider] ?? 0) + 1;
  const kinds = new Map();
  for (const { name, dur, args } of dispatches) {
    const [node, program] = [name.split("&")[0], name.split("&").at(-1)];
    const key = `${program} of ${node.replace(/\/v\d+$/, "").replace(/_token_\d+$/, "")}`;
    const kind = kinds.get(key) ?? { dispatches: 0, microseconds: 0, shapes: args.shapes };
    kinds.set(key, { ...kind, dispatches: kind.dispatches + 1, microseconds: kind.microseconds + dur });
  }
  const perStep = [...kinds]
    .map(([kind, sums]) => ({
      kind,
      ...sums,
      dispatches: sums.dispatches / steps,
      microseconds: sums.microseconds / steps,
    }))
    .sort((a, b) => b.microseconds - a.microseconds);
  const microseconds = perStep.reduce((sum, kind) => sum + kind.microseconds, 0);
  const count = dispatches.length / steps;
  const text = `${count.toFixed(0)} dispatches a step, ${(microseconds / 1000).toFixed(2)} ms of the GPU's time; nodes ${JSON.stringify(providers)}; most: ${perStep
    .slice(0, 3)
    .map(({ kind, microseconds: part }) => `${kind} ${part.toFixed(0)} us`)
    .join(", ")}`;
  answer({ dispatches: count, microseconds, providers, runs: ends, perStep, text });
}

/** Trains with the test images looked at after each epoch: the seconds until they are recognised well enough. */
async function to94({ recipe: name, accuracy }) {
  const { train: images, test } = await data();
  const recipe = RECIPES.find((candidate) => candidate.name === name);
  const epochs = [];
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  let reached = null;
  const result = () => ({
    secondsTo: reached,
    epochs,
    text: `${epochs.length} epochs in ${epochs.at(-1)?.seconds.toFixed(1)} s, test accuracy ${epochs.at(-1)?.accuracy}; ${100 * accuracy} % ${reached === null ? "not reached" : `after ${reached.toFixed(1)} s`}`,
  });
  await train(
    { ...job({ recipe, images, device: "gpu" }), data: { train: images, validation: test } },
    {
      onEpoch({ epoch, validationAccuracy, trainLoss }) {
        epochs.push({ epoch, seconds: seconds(), accuracy: validationAccuracy, trainLoss });
        if (validationAccuracy >= accuracy) reached ??= seconds();
        answer(result());
      },
    },
  );
  answer(result());
}

/** Does so many steps of a job. @returns their losses, and the tensors they left with a hash of all bits */
async function trained(what, steps) {
  const losses = [];
  let before = 0;
  const { snapshot } = await train(
    { ...what, stepsPerCall: 1 },
    {
      onStep({ step, loss }) {
        // The loop tells the mean of the epoch so far.
        losses.push(loss * step - before);
        before = loss * step;
      },
      isStopRequested: () => losses.length === steps,
    },
  );
  const hash = createHash("sha256");
  for (const [name, values] of snapshot.tensors)
    hash.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return { losses, tensors: snapshot.tensors, hash: hash.digest("hex") };
}

/** How far two trainings' tensors are apart: the norm of the difference by the norm, the worst first. */
function difference(a, b) {
  return [...a.tensors]
    .map(([name, values]) => {
      const other = b.tensors.get(name);
      const norm = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
      const apart = Math.sqrt(values.reduce((sum, value, i) => sum + (value - other[i]) ** 2, 0));
      return { name, relative: norm === 0 ? apart : apart / norm };
    })
    .sort((one, two) => two.relative - one.relative)
    .slice(0, 5);
}

function job({ recipe, images, device, provider: { pendingDispatches, ...provider } = {}, session = {} }) {
  const settings = pendingDispatches ? { maxNumPendingDispatches: pendingDispatches } : {};
  const extra = { ep: { webgpuexecutionprovider: settings } };
  const runtime = device === "gpu" ? gpuRuntime({ provider, session: { ...session, extra } }) : nodeRuntime;
  return {
    recipe,
    data: { train: images, validation: null },
    normalization: normalizationOf(images),
    seed: 1,
    threads: task.threads,
    lowering: { kind: "gpu" },
    runtime,
  };
}

function bench(network, batchSize) {
  return {
    name: "bench",
    description: "speed only",
    model: MODELS.find(({ name }) => name === network),
    epochs: 100_000,
    batchSize,
    learningRate: 1e-3,
    schedule: { kind: "constant" },
    optimizer: { kind: "adam" },
    labelSmoothing: 0,
    augmentation: {},
  };
}

async function data() {
  if (task.data) return loadFashionMnist({ folder: task.data });
  const count = 4096;
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
  const labels = Uint8Array.from({ length: count }, () => Math.floor(random() * 10));
  const images = Uint8Array.from({ length: count * 784 }, (_, i) => {
    const brightness = i % 28 < 14 + labels[Math.floor(i / 784)] ? 120 : 20;
    return brightness + random() * 100;
  });
  const set = { images, labels, channels: 1, height: 28, width: 28, classNames: [..."0123456789"] };
  return { train: createImageSet(set, "made up"), test: createImageSet(set, "made up") };
}

/** What a command says, standard error included; null when there is no such command. */
function output(command, parameters, env = {}) {
  const { stdout, stderr, error } = spawnSync(command, parameters, {
    encoding: "utf8",
    timeout: 30_000,
    env: { ...process.env, ...env },
  });
  return error ? null : `${stdout}${stderr}`.trim();
}
