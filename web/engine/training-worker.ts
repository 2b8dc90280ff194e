import { compile } from "../../src/compile/compile.ts";
import type { ImageSet, LabelledSet } from "../../src/data/image-set.ts";
import { imageTask, normalizationOf, trainingData } from "../../src/data/training-data.ts";
import { messageOf } from "../../src/errors.ts";
import {
  allLogits,
  evaluate,
  evaluationBatchSize,
  evaluationProgram,
  metricsOfLogits,
} from "../../src/evaluation/evaluate.ts";
import type { ClassificationMetrics } from "../../src/evaluation/metrics.ts";
import { withHead } from "../../src/formats/backbone.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import type { Preparation } from "../../src/imaging/preparation.ts";
import { adjustRecipe, givenFields } from "../../src/recipes/adjust-recipe.ts";
import { type FittedRecipe, fitToImages, fitToTraining } from "../../src/recipes/fit-to-images.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { transfer } from "../../src/recipes/transfer.ts";
import { chooseLowering } from "../../src/runtime/lowering.ts";
import { openModel, webRuntime } from "../../src/runtime/web/index.ts";
import {
  afterFailure,
  chooseDevice,
  type Device,
  type DeviceChoice,
  type FoundGpu,
} from "../../src/runtime/webgpu/device.ts";
import { GpuError } from "../../src/runtime/webgpu/errors.ts";
import { openBrowserGpu } from "../../src/runtime/webgpu/web/index.ts";
import { chooseOnFeatures } from "../../src/training/choose-weight-decay.ts";
import { type TrainingJob, type TrainingOutcome, type TrainingSnapshot, train } from "../../src/training/train.ts";
import { trainedFiles } from "../../src/training/trained-files.ts";
import { millisecondsPerStep } from "../../src/training/trial.ts";
import { type KeptState, keepOrder, keepState } from "./kept-training.ts";
import { loadData } from "./load-data.ts";
import { GPU_ORT_FILES, ORT_FILES, requireWebAssembly, threadsHere } from "./ort-files.ts";
import { ownData, ownFeatures, type PictureClass, PREPARATION } from "./own-data.ts";
import type {
  EngineSummary,
  FromTrainer,
  Pretrained,
  TestResult,
  ToTrainer,
  TrainedFileBytes,
  TrainingOrder,
} from "./training-messages.ts";

/** Trains in a worker: tailor's own loop on ONNX Runtime's WebAssembly build or its WebGPU one. One worker trains one run. */

/** A run that was begun. */
interface BegunRun {
  readonly what: Trained;
  readonly device: Device;
  readonly fittedFrom: FittedRecipe["fittedFrom"];
  readonly preparation: Preparation;
  /** The size of the images, also where a pretrained network makes features of them. */
  readonly imageSize: Pick<LabelledSet, "channels" | "height" | "width">;
  /** The model's file of what was trained. */
  readonly whole: (trained: Uint8Array) => Uint8Array;
  /** Metrics on the test images; undefined where there are none. */
  readonly test: (
    model: Uint8Array,
    outcome: TrainingOutcome,
    device: Device,
  ) => Promise<ClassificationMetrics | undefined>;
}

/** What is trained, independent of what computes it. */
type Trained = Pick<TrainingJob, "recipe" | "data" | "normalization" | "seed">;

const THREADS = threadsHere();

let run: BegunRun | undefined;
/** What is written into the browser's database; undefined where nothing is. */
let kept: KeptState | undefined;
let snapshot: TrainingSnapshot | undefined;
let isPauseWanted = false;

function tell(message: FromTrainer, transfer: Transferable[] = []): void {
  postMessage(message, { transfer });
}

async function start({ order, isKept, from }: Extract<ToTrainer, { kind: "start" }>): Promise<void> {
  requireWebAssembly();
  if (isKept && !from) await keep(keepOrder(order));
  const { pretrained, classes: own } = order;
  run = await (pretrained ? beginOnFeatures(order, own ?? [], pretrained) : beginOnImages(order));
  const { recipe, data } = run.what;
  const { count, classNames: classes } = data.train;
  const { epochs, batchSize } = recipe;
  const { fittedFrom } = run;
  const engine = summaryOf(run.device);
  const started = { kind: "started", engine, images: count, classes, epochs, batchSize, fittedFrom } as const;
  const { normalization } = run.what;
  if (from) requireSame(from, { start: started, normalization });
  if (isKept) kept = { start: started, normalization, epochs: from?.epochs ?? [] };
  snapshot = from?.snapshot;
  tell(started);
  await goOn();
}

/** Writes into the browser's database. Without it the training goes on, and the page warns before it is closed. */
async function keep(writing: Promise<void>): Promise<void> {
  tell({
    kind: "kept",
    isKept: await writing.then(
      () => true,
      () => false,
    ),
  });
}

/** @throws Error when the images are others than those of the kept training */
function requireSame(from: KeptState, now: Pick<KeptState, "start" | "normalization">): void {
  const facts = ({ start: { images, classes, epochs, batchSize }, normalization }: typeof now) =>
    JSON.stringify({ images, classes, epochs, batchSize, normalization });
  if (facts(from) === facts(now)) return;
  throw new Error("the images are others than before the page was reloaded: start the training anew");
}

async function openCpu(): Promise<Device> {
  tell({ kind: "loading", what: "ONNX Runtime" });
  return {
    runtime: await webRuntime(THREADS, ORT_FILES),
    openModel: (model, fileName) => openModel(model, fileName, { threads: THREADS, files: ORT_FILES }),
  };
}

async function openGpu(): Promise<{ found: FoundGpu; device: Device }> {
  tell({ kind: "loading", what: "ONNX Runtime for the GPU (27 MB, compressed 7)" });
  const { found, ...device } = await openBrowserGpu(GPU_ORT_FILES);
  return { found, device };
}

/** The device to train on; the trial of a device is the first steps. */
function deviceFor(choice: DeviceChoice, what: Trained): Promise<Device> {
  return chooseDevice(choice, {
    openCpu,
    openGpu,
    trial({ runtime }) {
      tell({ kind: "loading", what: "a trial of both devices" });
      return millisecondsPerStep({ ...what, runtime, threads: THREADS });
    },
  });
}

async function jobOn({ runtime }: Device, what: Trained): Promise<TrainingJob> {
  return { ...what, runtime, threads: THREADS, lowering: await chooseLowering(runtime) };
}

function summaryOf({ runtime: { version, gpu, reason } }: Device): EngineSummary {
  return { runtime: `onnxruntime-web ${version}`, threads: gpu ? null : THREADS, reason };
}

async function beginOnImages(order: TrainingOrder): Promise<BegunRun> {
  const { recipe: name, adjustments, limit, classes: own } = order;
  const wanted = adjustRecipe(findRecipe(name), adjustments);
  tell({ kind: "loading", what: "the images" });
  const { train, test, preparation } = own
    ? await ownData(own, {
        maxDefaultSize: wanted.model.maxDefaultSize,
        onPrepared: (count, total) => tell({ kind: "loading", what: `the pictures, ${count} of ${total}` }),
      })
    : await loadData();
  const images = { trainOn: "split", limit } as const;
  const { recipe, fittedFrom } = fitToTraining(wanted, train, { ...images, given: givenFields(adjustments) });
  const data = trainingData(train, images);
  const what = { recipe, data, normalization: normalizationOf(data.train), seed: order.seed };
  return {
    what,
    device: await deviceFor(order.device, what),
    fittedFrom,
    preparation,
    imageSize: train,
    whole: (model) => model,
    test: async (model, _, device) => test && testModel(test, model, device),
  };
}

/** Begins the training of a classifier on the features that a pretrained network made of pictures. */
async function beginOnFeatures(
  { adjustments, seed, device: choice }: TrainingOrder,
  own: readonly PictureClass[],
  { backbone, model: body }: Pretrained,
): Promise<BegunRun> {
  const { name, bytes: _bytes, licence: _licence, ...facts } = backbone;
  const wanted = adjustRecipe(transfer({ ...facts, file: name }), adjustments);
  const { parts: data, test } = ownFeatures(own, backbone.features);
  const task = imageTask(data.train);
  const images = { images: data.train.count, task, given: givenFields(adjustments) };
  const { recipe: fitted, fittedFrom } = fitToImages(wanted, images);
  const { mean, standardDeviation } = backbone.input;
  const normalization = { mean: [...mean], standardDeviation: [...standardDeviation] };
  const unregularised = { recipe: fitted, data, normalization, seed };
  const device = await deviceFor(choice, unregularised);
  tell({ kind: "loading", what: "the strength of regularisation that suits the validation pictures" });
  const { recipe } = await chooseOnFeatures(await jobOn(device, unregularised));
  const what = { ...unregularised, recipe };
  return {
    what,
    device,
    fittedFrom,
    preparation: PREPARATION,
    imageSize: backbone.input,
    whole: (head) => withHead(body, head),
    test: async (_, { tensors }, device) => test && testHead(test, tensors, await jobOn(device, what)),
  };
}

async function goOn(): Promise<void> {
  if (!run) throw new Error("there is nothing to go on with");
  isPauseWanted = false;
  const outcome = await trainOn(run).catch((error: unknown) => leaveGpu(run!, error));
  if (!outcome) return;
  snapshot = outcome.snapshot;
  if (!outcome.isFinished) return tell({ kind: "paused" });

  tell({ kind: "testing" });
  const finished = await filesOf(run, outcome).catch((error: unknown) => leaveGpu(run!, error));
  if (!finished) return;
  if (kept) {
    const { snapshot: _, ...rest } = kept;
    await keep(keepState({ ...rest, finished }));
  }
  const { model, weights } = finished.files;
  tell({ kind: "finished", ...finished }, [model.buffer, weights.buffer]);
}

async function trainOn({ what, device }: BegunRun): Promise<TrainingOutcome> {
  return train(
    await jobOn(device, what),
    {
      onStep: (progress) => tell({ kind: "progress", progress }),
      async onEpoch(result, next) {
        // What goes on after the GPU failed begins here.
        snapshot = next;
        tell({ kind: "epoch", result });
        if (!kept) return;
        kept = { ...kept, epochs: [...kept.epochs, result], snapshot };
        await keep(keepState(kept));
      },
      isStopRequested: () => isPauseWanted,
    },
    snapshot,
  );
}

/** The network's files, and its result on the test images. */
async function filesOf({ what, device, ...run }: BegunRun, outcome: TrainingOutcome) {
  const { graph, tensors, confidence } = outcome;
  const { channels, height, width } = run.imageSize;
  const { gpu, reason } = device.runtime;
  const trained = trainedFiles({
    ...what,
    data: { ...what.data, train: { ...what.data.train, channels, height, width } },
    preparation: run.preparation,
    confidence,
    graph,
    tensors,
    producer: "tailor in a browser",
    device: { ...(reason !== undefined && { reason }), ...(gpu && { gpu }) },
  });
  const model = run.whole(trained.model);
  const metrics = await run.test(model, outcome, device);
  const files: TrainedFileBytes = {
    model: new Uint8Array(model),
    weights: new Uint8Array(encodeSafetensors(trained.weights, trained.facts)),
  };
  return { test: metrics && resultOf(metrics), files };
}

/**
 * After a failure of the GPU the processor goes on from the last epoch: by itself where the device was to be chosen for
 * the user, otherwise when the user says so.
 */
async function leaveGpu(failed: BegunRun, error: unknown): Promise<undefined> {
  if (!(error instanceof GpuError)) throw error;
  const isGoingOn = failed.device.runtime.fallback !== undefined;
  const cpu = await openCpu();
  const device = { ...cpu, runtime: afterFailure(cpu.runtime, error) };
  run = { ...failed, device };
  const atStep = snapshot?.position.step ?? 0;
  tell({ kind: "gpuFailed", engine: summaryOf(device), message: error.message, atStep, isGoingOn });
  if (isGoingOn) await goOn();
}

async function testModel(images: ImageSet, model: Uint8Array, device: Device): Promise<ClassificationMetrics> {
  const session = await device.openModel(model, "the trained model", { threads: THREADS });
  const metrics = await evaluate(images, session.logits, {
    batchSize: evaluationBatchSize(images, images.count),
  });
  await session.release();
  return metrics;
}

/** As the pictures' features are known, the pretrained network need not run again. */
async function testHead(
  features: LabelledSet,
  tensors: ReadonlyMap<string, Float32Array>,
  { recipe, normalization, lowering, runtime, threads }: Omit<TrainingJob, "data">,
): Promise<ClassificationMetrics> {
  const batchSize = evaluationBatchSize(features, features.count);
  const program = evaluationProgram(recipe.model, { task: imageTask(features), batchSize, normalization });
  const session = await runtime.open(compile(program, lowering), { threads });
  session.load(tensors);
  const logits = await allLogits(features, async (pixels) => (await session.run({ pixels })).logits!, batchSize);
  await session.release();
  return metricsOfLogits(features, logits);
}

function resultOf({ correct, total, accuracy, standardError, loss }: ClassificationMetrics): TestResult {
  return { correct, total, accuracy, standardError, loss };
}

addEventListener("message", ({ data: message }: MessageEvent<ToTrainer>) => {
  switch (message.kind) {
    case "start":
      start(message).catch(fail);
      break;
    case "pause":
      isPauseWanted = true;
      break;
    case "continue":
      goOn().catch(fail);
      break;
    default:
      message satisfies never;
  }
});

function fail(error: unknown): void {
  tell({ kind: "failed", message: messageOf(error) });
}
