import type { ImageSet } from "../../src/data/image-set.ts";
import { normalizationOf, trainingData } from "../../src/data/training-data.ts";
import { evaluate, evaluationBatchSize } from "../../src/evaluation/evaluate.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { adjustRecipe, givenFields } from "../../src/recipes/adjust-recipe.ts";
import { fitToTraining } from "../../src/recipes/fit-to-images.ts";
import { findRecipe } from "../../src/recipes/index.ts";
import { openModel, webRuntime } from "../../src/runtime/web/index.ts";
import { type TrainingJob, type TrainingSnapshot, train } from "../../src/training/train.ts";
import { trainedFiles } from "../../src/training/trained-files.ts";
import { type DataSet, loadData } from "./load-data.ts";
import { ORT_FILES, requireWebAssembly, threadsHere } from "./ort-files.ts";
import { ownData } from "./own-data.ts";
import type { FromTrainer, TestResult, ToTrainer, TrainedFileBytes, TrainingOrder } from "./training-messages.ts";

/** Trains in a worker: tailor's own loop on ONNX Runtime's WebAssembly build. One worker trains one run. */

let job: TrainingJob | undefined;
let data: DataSet | undefined;
let snapshot: TrainingSnapshot | undefined;
let isPauseWanted = false;

function tell(message: FromTrainer, transfer: Transferable[] = []): void {
  postMessage(message, { transfer });
}

async function start({ recipe: name, seed, adjustments, limit, classes: own }: TrainingOrder): Promise<void> {
  requireWebAssembly();
  const wanted = adjustRecipe(findRecipe(name), adjustments);
  tell({ kind: "loading", what: "the images" });
  data = own
    ? await ownData(own, {
        maxDefaultSize: wanted.model.maxDefaultSize,
        onPrepared: (count, total) => tell({ kind: "loading", what: `the pictures, ${count} of ${total}` }),
      })
    : await loadData();
  tell({ kind: "loading", what: "ONNX Runtime" });
  const threads = threadsHere();
  const runtime = await webRuntime(threads, ORT_FILES);
  const images = { trainOn: "split", limit } as const;
  const given = givenFields(adjustments);
  const { recipe, fittedFrom } = fitToTraining(wanted, data.train, { ...images, given });
  const parts = trainingData(data.train, images);
  const normalization = normalizationOf(parts.train);
  job = { recipe, data: parts, normalization, seed, threads, lowering: { kind: "standard" }, runtime };
  const { count, classNames: classes } = parts.train;
  const { epochs, batchSize } = recipe;
  const engine = `onnxruntime-web ${runtime.version}`;
  tell({ kind: "started", threads, images: count, classes, runtime: engine, epochs, batchSize, fittedFrom });
  await goOn();
}

async function goOn(): Promise<void> {
  if (!job || !data) throw new Error("there is nothing to go on with");
  isPauseWanted = false;
  const outcome = await train(
    job,
    {
      onStep: (progress) => tell({ kind: "progress", progress }),
      onEpoch: (result) => tell({ kind: "epoch", result }),
      isStopRequested: () => isPauseWanted,
    },
    snapshot,
  );
  snapshot = outcome.snapshot;
  if (!outcome.isFinished) return tell({ kind: "paused" });

  tell({ kind: "testing" });
  const { graph, tensors, confidence } = outcome;
  const { model, weights, facts } = trainedFiles({
    ...job,
    preparation: data.preparation,
    confidence,
    graph,
    tensors,
    producer: "tailor in a browser",
  });
  const test = data.test && (await tested(data.test, model, job.threads));
  const files: TrainedFileBytes = {
    model: new Uint8Array(model),
    weights: new Uint8Array(encodeSafetensors(weights, facts)),
  };
  tell({ kind: "finished", test, files }, [files.model.buffer, files.weights.buffer]);
}

async function tested(images: ImageSet, model: Uint8Array, threads: number): Promise<TestResult> {
  const session = await openModel(model, "the trained model", { threads, files: ORT_FILES });
  const metrics = await evaluate(images, session.logits, { batchSize: evaluationBatchSize(images) });
  await session.release();
  const { correct, total, accuracy, standardError, loss } = metrics;
  return { correct, total, accuracy, standardError, loss };
}

addEventListener("message", ({ data: message }: MessageEvent<ToTrainer>) => {
  switch (message.kind) {
    case "start":
      start(message.order).catch(fail);
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
  tell({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
}
