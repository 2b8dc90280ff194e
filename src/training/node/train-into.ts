import type { Lowering } from "../../compile/program.ts";
import type { LoadedData, Report } from "../../data/node/chain.ts";
import { splitToText } from "../../data/picture-split.ts";
import type { TrainingData } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import { withHead } from "../../formats/backbone.ts";
import type { NamedTensor } from "../../formats/safetensors.ts";
import { normalizationFor, type Recipe } from "../../recipes/recipe.ts";
import type { MetricsLine } from "../../runs/metrics.ts";
import { peakMemoryBytes } from "../../runs/node/environment.ts";
import { createEventFile, hasEventFile } from "../../runs/node/event-file.ts";
import { BLANK_SEAL, fileSum, seal, weightsSha256 } from "../../runs/node/hashes.ts";
import { RUN_FILES, readBest, readMetrics } from "../../runs/node/run-files.ts";
import type { RunFolder } from "../../runs/node/run-folder.ts";
import type { FinishedRunRecord, RunRecord } from "../../runs/run-record.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { type BestEpoch, bestOf, needsBestEpoch } from "../best-epoch.ts";
import type { HookAnswer } from "../hooks.ts";
import type { TrainingFunctions } from "../own-functions.ts";
import { type TrainingHooks, type TrainingSnapshot, train } from "../train.ts";
import { trainedFiles } from "../trained-files.ts";
import { readFeatureModel } from "./open-backbone.ts";
import { type FeatureOptions, trainingValues } from "./picture-features.ts";
import {
  encodePosition,
  metricsSha256,
  metricsUpTo,
  requireOwnMetrics,
  requireOwnState,
  runIdentity,
} from "./resume.ts";

/** Where lines about a training go unless `report` takes them. */
export const toStandardError: Report = (line) => {
  process.stderr.write(`${line}\n`);
};

/** Options of the training of a run. */
export interface TrainRunOptions {
  readonly data: LoadedData;
  readonly threads: number;
  /** Default: blocked where the processor supports it. */
  readonly lowering?: Lowering["kind"] | undefined;
  readonly runtime: Runtime;
  /** As in TrainingJob. */
  readonly stepsPerCall?: number;
  /** Write events for TensorBoard into the run's folder. A resumed run that has some continues to write them anyway. */
  readonly tensorboard?: boolean;
  /** Loss, augmentation and metrics of one's own; the run records their fingerprints. */
  readonly functions?: TrainingFunctions | undefined;
  /** As in FeatureOptions. */
  readonly before?: FeatureOptions["before"];
  /** Takes lines about caches that are damaged or cannot be written. Default: standard error. */
  readonly report?: ((line: string) => void) | undefined;
  /** Seconds of an epoch of recipe `base` in this process, for the record: the unit of a race. */
  readonly baseEpochSeconds?: number | undefined;
  /** Callbacks during training. */
  readonly hooks?: Omit<TrainingHooks, "onEpoch"> & {
    /** While a backbone computes the features of images: so many of all. */
    readonly onFeatures?: (done: number, total: number) => void;
    /** After each epoch, with its line of `metrics.jsonl`. */
    readonly onEpoch?: (line: MetricsLine) => HookAnswer;
  };
  /** Called once the run's folder and record exist. */
  readonly onStart?: (folder: string, record: RunRecord, from: TrainingSnapshot | undefined) => void;
}

/** A run that finished, or was stopped and can be resumed. */
export type TrainedRun =
  | { readonly isFinished: true; readonly folder: string; readonly record: FinishedRunRecord }
  | { readonly isFinished: false; readonly folder: string; readonly step: number };

/** A run to start or to resume. */
export interface StartedRun {
  readonly recipe: Recipe;
  /** The record to write before the first step. */
  readonly record: RunRecord;
  readonly lowering: Lowering;
  /** The images of `options.data`, divided as the record says. */
  readonly data: TrainingData;
  /** The weights that a new run of a recipe with pretrained weights starts from. */
  readonly initial?: ReadonlyMap<string, Float32Array> | undefined;
  /** The snapshot of an interrupted run to resume. */
  readonly from?: TrainingSnapshot;
  /** Of the metrics that were written with the snapshot; undefined if it does not say. */
  readonly metricsSha256?: string | undefined;
}

/**
 * Trains a run and writes its files: run.json first, state and metrics after each epoch, weights and model at the end.
 *
 * @param folder open for writing; the caller closes it
 * @throws UserError when training diverges, the metrics are not the run's, or the system refuses to write
 */
export async function trainInto(
  folder: RunFolder,
  { recipe, record: given, lowering, data, initial, from, metricsSha256: statedMetrics }: StartedRun,
  options: TrainRunOptions,
): Promise<TrainedRun> {
  const record = withBaseEpoch(given, from?.position.seconds ?? 0, options.baseEpochSeconds);
  const { seed } = record;
  const { runtime, threads, stepsPerCall, hooks, onStart, functions, tensorboard = false } = options;
  const found = from ? readMetrics(folder.path) : [];
  const metricsFile = `${folder.path}/${RUN_FILES.metrics}`;
  const lines = metricsUpTo(from?.position.step ?? 0, found, metricsFile, record);
  requireOwnMetrics(lines, metricsFile, statedMetrics);
  const { split } = options.data;
  folder.writeRecord({ ...record, files: split ? [fileSum(RUN_FILES.split, splitToText(split))] : [] });
  if (split) folder.writeSplit(split);
  const events = openEvents(folder.path, lines, { isWanted: tensorboard, from });
  onStart?.(folder.path, record, from);
  // Records of older versions do not have it.
  const normalization = record.data.normalization ?? normalizationFor(recipe, data.train);
  const values = await trainingValues(recipe, data, {
    threads,
    report: options.report ?? toStandardError,
    onImages: hooks?.onFeatures,
    before: options.before,
  });
  const best = bestSoFar(folder.path, record, recipe, lines);
  const writeState = ({ tensors, position }: TrainingSnapshot) => {
    folder.writeState(flatTensors(tensors), {
      ...runIdentity(record),
      ...encodePosition(position),
      metricsSha256: metricsSha256(lines),
    });
  };
  const { isFinished, snapshot, tensors, graph, kept, confidence } = await train(
    { recipe, data: values, normalization, seed, threads, lowering, runtime, stepsPerCall, functions, initial },
    {
      ...hooks,
      onEpoch(line, atEnd) {
        lines.push(line);
        // Before metrics and state: after a kill in between, this epoch is trained again and gives the same.
        if (atEnd.best?.result === line && atEnd.best.tensors)
          folder.writeBest(flatTensors(atEnd.best.tensors), { ...runIdentity(record), epoch: String(line.epoch) });
        folder.writeMetrics(lines);
        events?.write(line);
        writeState(atEnd);
        return hooks?.onEpoch?.(line);
      },
    },
    from && { ...from, best },
  );
  if (!isFinished) {
    writeState(snapshot);
    return { isFinished, folder: folder.path, step: snapshot.position.step };
  }

  const producer = `tailor ${record.versions.tailor}`;
  const files = trainedFiles({
    recipe,
    seed,
    data,
    normalization,
    preparation: options.data.preparation,
    confidence,
    graph,
    tensors,
    producer,
    weightFacts: (weights) => ({ weightsSha256: weightsSha256(weights), ...BLANK_SEAL }),
  });
  folder.writeWeights(files.weights, files.facts);
  folder.writeModel(seal(wholeModel(recipe, files.model), "onnx"));
  // Once more, as a run that was stopped after its last epoch did not write them here.
  folder.writeMetrics(lines);
  const { trainLoss, trainAccuracy, validationLoss, validationAccuracy, metrics } = kept ?? lines.at(-1)!;
  const { seconds, step } = snapshot.position;
  const finished: FinishedRunRecord = {
    ...record,
    files: folder.files,
    status: "finished",
    result: {
      trainLoss,
      trainAccuracy,
      validationLoss,
      validationAccuracy,
      ...(metrics ? { metrics } : {}),
      imagesPerSecond: (step * recipe.batchSize) / seconds,
      seconds,
      peakMemoryBytes: peakMemoryBytes(),
      ...(lines.length < recipe.epochs ? { stoppedAfter: lines.length } : {}),
      ...(kept ? { bestEpoch: kept.epoch } : {}),
      ...(confidence ? { confidence } : {}),
      weightsSha256: weightsSha256(files.weights),
    },
  };
  folder.writeRecord(finished);
  folder.removeBest();
  return { isFinished, folder: folder.path, record: finished };
}

/** The record with the unit of time of the process that goes on at `from` seconds; one that was killed before it saved does not count. */
function withBaseEpoch(record: RunRecord, from: number, seconds: number | undefined): RunRecord {
  if (seconds === undefined) return record;
  const earlier = (record.baseEpochs ?? []).filter((one) => one.from < from);
  return { ...record, baseEpochs: [...earlier, { from, seconds }] };
}

/** The model file of a trained network, which contains its backbone. */
function wholeModel({ backbone }: Recipe, model: Uint8Array): Uint8Array {
  return backbone ? withHead(readFeatureModel(backbone), model) : model;
}

/** The best of a resumed run's epochs, if its recipe needs it. */
function bestSoFar(
  folder: string,
  record: RunRecord,
  recipe: Recipe,
  lines: readonly MetricsLine[],
): BestEpoch | undefined {
  const result = needsBestEpoch(recipe) ? bestOf(lines) : undefined;
  if (result === undefined || recipe.keep !== "best") return result && { result };
  const fileName = `${folder}/${RUN_FILES.best}`;
  const { tensors, metadata } = readBest(folder);
  requireOwnState({ metadata }, fileName, record);
  const epoch = metadata.epoch === undefined ? result.epoch : Number(metadata.epoch);
  // A kill between writing the best epoch and the state leaves that of the epoch that is trained again.
  if (epoch !== result.epoch && !(epoch > lines.at(-1)!.epoch)) {
    throw new UserError(
      `${fileName} holds the weights of epoch ${epoch}, but the best so far is epoch ${result.epoch}; restore the file from a copy, or start another run`,
    );
  }
  return { result, tensors: new Map(tensors.map(({ name, data }) => [name, data])) };
}

/** Tensors as vectors, for files that only tailor reads. */
function flatTensors(tensors: ReadonlyMap<string, Float32Array>): NamedTensor[] {
  return [...tensors].map(([name, data]) => ({ name, shape: [data.length], data }));
}

/**
 * The run's event file for TensorBoard, if any. A resumed run without one starts with the finished epochs; one that has
 * events tells TensorBoard which of them will be repeated.
 */
function openEvents(
  folder: string,
  lines: readonly MetricsLine[],
  { isWanted, from }: { isWanted: boolean; from: TrainingSnapshot | undefined },
) {
  const isGoingOn = from !== undefined && hasEventFile(folder);
  if (!isWanted && !isGoingOn) return undefined;
  const events = createEventFile(folder, { restartStep: isGoingOn ? from.position.step + 1 : undefined });
  if (!isGoingOn) for (const line of lines) events.write(line);
  return events;
}
