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
import { openModel, webRuntime } from "../../src/runtime/web/index.ts";
import { chooseOnFeatures } from "../../src/training/choose-weight-decay.ts";
import { type TrainingJob, type TrainingOutcome, type TrainingSnapshot, train } from "../../src/training/train.ts";
import { trainedFiles } from "../../src/training/trained-files.ts";
import { type KeptState, keepOrder, keepState } from "./kept-training.ts";
import { loadData } from "./load-data.ts";
import { ORT_FILES, requireWebAssembly, threadsHere } from "./ort-files.ts";
import { ownData, ownFeatures, type PictureClass, PREPARATION } from "./own-data.ts";
import type {
  FromTrainer,
  Pretrained,
  TestResult,
  ToTrainer,
  TrainedFileBytes,
  TrainingOrder,
} from "./training-messages.ts";

/** Trains in a worker: tailor's own loop on ONNX Runtime's WebAssembly build. One worker trains one run. */

/** A run that was begun. */
interface BegunRun {
  readonly job: TrainingJob;
  readonly fittedFrom: FittedRecipe["fittedFrom"];
  readonly preparation: Preparation;
  /** The size of the images, also where a pretrained network makes features of them. */
  readonly imageSize: Pick<LabelledSet, "channels" | "height" | "width">;
  /** The model's file of what was trained. */
  readonly whole: (trained: Uint8Array) => Uint8Array;
  /** Metrics on the test images; undefined where there are none. */
  readonly test: (model: Uint8Array, outcome: TrainingOutcome) => Promise<ClassificationMetrics | undefined>;
}

/** How a run is computed. */
type Engine = Pick<TrainingJob, "seed" | "threads" | "lowering" | "runtime">;

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
  tell({ kind: "loading", what: "ONNX Runtime" });
  const threads = threadsHere();
  const runtime = await webRuntime(threads, ORT_FILES);
  const engine: Engine = { seed: order.seed, threads, lowering: { kind: "standard" }, runtime };
  const { pretrained, classes: own } = order;
  run = await (pretrained ? beginOnFeatures(order, own ?? [], pretrained, engine) : beginOnImages(order, engine));
  const { recipe, data } = run.job;
  const { count, classNames: classes } = data.train;
  const { epochs, batchSize } = recipe;
  const { fittedFrom } = run;
  const name = `onnxruntime-web ${runtime.version}`;
  const started = {
    kind: "started",
    threads,
    images: count,
    classes,
    runtime: name,
    epochs,
    batchSize,
    fittedFrom,
  } as const;
  const { normalization } = run.job;
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

async function beginOnImages(order: TrainingOrder, engine: Engine): Promise<BegunRun> {
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
  return {
    job: { ...engine, recipe, data, normalization: normalizationOf(data.train) },
    fittedFrom,
    preparation,
    imageSize: train,
    whole: (model) => model,
    test: async (model) => test && testModel(test, model, engine.threads),
  };
}

/** Begins the training of a classifier on the features that a pretrained network made of pictures. */
async function beginOnFeatures(
  { adjustments }: TrainingOrder,
  own: readonly PictureClass[],
  { backbone, model: body }: Pretrained,
  engine: Engine,
): Promise<BegunRun> {
  const { name, bytes: _bytes, licence: _licence, ...facts } = backbone;
  const wanted = adjustRecipe(transfer({ ...facts, file: name }), adjustments);
  const { parts: data, test } = ownFeatures(own, backbone.features);
  const task = imageTask(data.train);
  const images = { images: data.train.count, task, given: givenFields(adjustments) };
  const { recipe: fitted, fittedFrom } = fitToImages(wanted, images);
  const { mean, standardDeviation } = backbone.input;
  const normalization = { mean: [...mean], standardDeviation: [...standardDeviation] };
  const job = { ...engine, recipe: fitted, data, normalization };
  tell({ kind: "loading", what: "the strength of regularisation that suits the validation pictures" });
  const { recipe } = await chooseOnFeatures(job);
  return {
    job: { ...job, recipe },
    fittedFrom,
    preparation: PREPARATION,
    imageSize: backbone.input,
    whole: (head) => withHead(body, head),
    test: async (_, { tensors }) => test && testHead(test, tensors, job),
  };
}

async function goOn(): Promise<void> {
  if (!run) throw new Error("there is nothing to go on with");
  const { job, preparation, imageSize, whole, test } = run;
  isPauseWanted = false;
  const outcome = await train(
    job,
    {
      onStep: (progress) => tell({ kind: "progress", progress }),
      async onEpoch(result, atEnd) {
        tell({ kind: "epoch", result });
        if (!kept) return;
        kept = { ...kept, epochs: [...kept.epochs, result], snapshot: atEnd };
        await keep(keepState(kept));
      },
      isStopRequested: () => isPauseWanted,
    },
    snapshot,
  );
  snapshot = outcome.snapshot;
  if (!outcome.isFinished) return tell({ kind: "paused" });

  tell({ kind: "testing" });
  const { graph, tensors, confidence } = outcome;
  const { channels, height, width } = imageSize;
  const trained = trainedFiles({
    ...job,
    data: { ...job.data, train: { ...job.data.train, channels, height, width } },
    preparation,
    confidence,
    graph,
    tensors,
    producer: "tailor in a browser",
  });
  const model = whole(trained.model);
  const metrics = await test(model, outcome);
  const files: TrainedFileBytes = {
    model: new Uint8Array(model),
    weights: new Uint8Array(encodeSafetensors(trained.weights, trained.facts)),
  };
  if (kept) {
    const { snapshot: _, ...rest } = kept;
    await keep(keepState({ ...rest, finished: { test: metrics && resultOf(metrics), files } }));
  }
  tell({ kind: "finished", test: metrics && resultOf(metrics), files }, [files.model.buffer, files.weights.buffer]);
}

async function testModel(images: ImageSet, model: Uint8Array, threads: number): Promise<ClassificationMetrics> {
  const session = await openModel(model, "the trained model", { threads, files: ORT_FILES });
  const metrics = await evaluate(images, session.logits, { batchSize: evaluationBatchSize(images) });
  await session.release();
  return metrics;
}

/** As the pictures' features are known, the pretrained network need not run again. */
async function testHead(
  features: LabelledSet,
  tensors: ReadonlyMap<string, Float32Array>,
  { recipe, normalization, lowering, runtime, threads }: Omit<TrainingJob, "data">,
): Promise<ClassificationMetrics> {
  const batchSize = Math.min(evaluationBatchSize(features), features.count);
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
