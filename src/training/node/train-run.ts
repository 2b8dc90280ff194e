import { checkAugmentation } from "../../data/augmentation.ts";
import { classWeightsOf } from "../../data/class-balance.ts";
import { imageTask, trainingData } from "../../data/training-data.ts";
import { UserError } from "../../errors.ts";
import type { Model } from "../../nn/model.ts";
import { checkRecipe, normalizationFor, type Recipe, recipeToJson } from "../../recipes/recipe.ts";
import { hasEventFile } from "../../runs/node/event-file.ts";
import {
  hasState,
  openTrainingRun,
  RUN_FILES,
  type Run,
  readMetrics,
  readState,
  readWeights,
} from "../../runs/node/run-files.ts";
import { createRunFolder, resumeRunFolder } from "../../runs/node/run-folder.ts";
import { readRecipe } from "../../runs/node/run-recipe.ts";
import type { RunRecord } from "../../runs/run-record.ts";
import { chooseLowering } from "../../runtime/lowering.ts";
import { afterFailure } from "../../runtime/webgpu/device.ts";
import { GpuError } from "../../runtime/webgpu/errors.ts";
import { requireValidation } from "../best-epoch.ts";
import { requireUnweighted } from "../own-loss.ts";
import { trainingStages } from "../stages.ts";
import { functionFingerprints, requireSameFunctions } from "./function-fingerprints.ts";
import { computation, type NewRun, newRecord } from "./new-run.ts";
import { pretrainedTensors, requirePretrainedUnchanged } from "./pretrained.ts";
import {
  checkResumable,
  checkSnapshot,
  decodeSnapshot,
  encodePosition,
  metricsSha256,
  requireNormalization,
  requireOwnState,
  runIdentity,
} from "./resume.ts";
import { type TrainedRun, type TrainRunOptions, toStandardError, trainInto } from "./train-into.ts";

/**
 * Trains a recipe into a new run folder.
 *
 * @throws UserError when the recipe or an option is invalid, the folder is in use, or training diverges
 */
export function trainNewRun(run: NewRun, options: TrainRunOptions): Promise<TrainedRun> {
  return orOnFallback(run.out, options, startNewRun(run, options));
}

async function startNewRun(run: NewRun, options: TrainRunOptions): Promise<TrainedRun> {
  checkRecipe(run.recipe);
  const lowering = await chooseLowering(options.runtime, options.lowering);
  // Everything that can be refused is refused before the folder is touched.
  const data = trainingData(options.data.train, run);
  if (run.recipe.batchSize > data.train.count) {
    throw new UserError(
      (w) =>
        `batch size ${run.recipe.batchSize} is more than the ${data.train.count} training images; use ${w.option("batchSize", data.train.count)} or less`,
      { exitCode: 2 },
    );
  }
  if (data.validation?.count === 0) {
    throw new UserError(
      (w) =>
        `${options.data.train.count} images to train with leave none to validate on; give more, or use ${w.option("trainOn", "all")}`,
      { exitCode: 2 },
    );
  }
  requireValidation(run.recipe, data.validation);
  checkAugmentation(run.recipe.augmentation, data.train);
  // Refuses weights that are not one for each class.
  if (run.recipe.classWeights) classWeightsOf(data.train, run.recipe.classWeights);
  requireUnweighted(options.functions?.loss, run.recipe);
  trainingStages(run.recipe, imageTask(data.train));
  const { report = toStandardError } = options;
  const initial = pretrainedTensors(run.recipe, { images: data.train, seed: run.seed, report });
  const record = newRecord(run, options, lowering, data);
  const folder = createRunFolder(run.out);
  try {
    return await trainInto(folder, { recipe: run.recipe, record, lowering, data, initial }, options);
  } finally {
    folder.close();
  }
}

/** How an interrupted run is resumed. */
export interface ResumeOptions extends TrainRunOptions {
  /**
   * Go on although the lowering or ONNX Runtime's version is another: the result will not be bit for bit that of an
   * uninterrupted run.
   */
  readonly allowDifferent: boolean;
  /** The run's, where it is neither tailor's nor from a recipe's file. */
  readonly model?: Model;
}

/**
 * Resumes an interrupted run; one without state starts over.
 *
 * @param run its folder, or the run as it was opened: what it is under the folder's lock decides
 * @throws UserError when there is nothing to resume, the data is not the run's, or the computation would differ
 */
export async function resumeRun(run: string | Run, options: ResumeOptions): Promise<TrainedRun> {
  const opened = openTrainingRun(run);
  return orOnFallback(opened.path, options, goOn(opened, options));
}

async function goOn(opened: Run<RunRecord>, options: ResumeOptions): Promise<TrainedRun> {
  const { path } = opened;
  // A state that is there but damaged is no reason to throw away what else there is: resumeRunFolder refuses it.
  if (opened.record.status === "running" && !hasState(path)) return startOver(opened, options);

  const { folder, record, state } = resumeRunFolder(opened);
  try {
    const { recipe, lowering, differences } = await prepareResume({ path, record }, options);
    const fileName = `${path}/${RUN_FILES.state}`;
    requireOwnState(state, fileName, record);
    const from = decodeSnapshot(state, fileName);
    const data = trainingData(options.data.train, record);
    requireNormalization(`${path}/${RUN_FILES.record}`, record, normalizationFor(recipe, data.train));
    checkSnapshot(from, fileName, { record, recipe, task: imageTask(data.train) });
    // The record then describes the last computation, as the weights cannot be reproduced by the first one.
    const { gpu: _gpu, device: _device, ...rest } = record;
    const now = differences.length === 0 ? record : { ...rest, ...computation(options, lowering) };
    return await trainInto(
      folder,
      { recipe, record: now, lowering, data, from, metricsSha256: state.metadata.metricsSha256 },
      options,
    );
  } finally {
    folder.close();
  }
}

/** How a finished run is extended. */
export interface Extension {
  /** Number of epochs in all: more than the run has. */
  readonly epochs: number;
  /** Folder of the extended run; the finished one stays as it is. */
  readonly out: string;
}

/**
 * Continues a finished run with more epochs, as another run: from its weights, optimizer state and random numbers, with the
 * rest of the schedule for all epochs. At a constant rate that gives the weights of one training with as many epochs, bit
 * for bit; another schedule goes on at the rate that it has at this place of the longer training. A run that stopped early
 * goes on without its patience.
 *
 * @throws UserError when the run is not finished or already has as many epochs, and as `resumeRun`
 */
export function extendRun(run: string | Run, extension: Extension, options: ResumeOptions): Promise<TrainedRun> {
  return orOnFallback(extension.out, options, startExtended(run, extension, options));
}

async function startExtended(
  run: string | Run,
  { epochs, out }: Extension,
  options: ResumeOptions,
): Promise<TrainedRun> {
  const opened = openTrainingRun(run);
  const { path, record } = opened;
  if (record.status !== "finished") {
    throw new UserError((w) => `${path} is not finished; resume it first${w.command("train", { resume: path })}`, {
      exitCode: 2,
    });
  }
  const found = readMetrics(opened);
  if (epochs <= found.length) {
    throw new UserError(
      (w) => `${path} has ${found.length} epochs already; give more of them in all with ${w.option("epochs")}`,
      { exitCode: 2 },
    );
  }
  const { recipe: own, lowering } = await prepareResume({ path, record }, options);
  const { patience: _, ...rest } = own;
  const recipe: Recipe = { ...rest, epochs };
  checkRecipe(recipe);
  const stateFile = `${path}/${RUN_FILES.state}`;
  const state = readState(path);
  requireOwnState(state, stateFile, record);
  const from = decodeSnapshot(state, stateFile);
  const data = trainingData(options.data.train, record);
  checkSnapshot(from, stateFile, { record, recipe: own, task: imageTask(data.train) });
  const {
    evaluations: _evaluations,
    files: _files,
    gpu: _gpu,
    device: _device,
    baseEpochs: _baseEpochs,
    ...kept
  } = record;
  const extended: RunRecord = {
    ...kept,
    recipe: recipeToJson(recipe),
    epochs,
    ...computation(options, lowering),
    extendedFrom: { run: path, epochs: found.length, weightsSha256: record.result.weightsSha256 },
    startedAt: new Date().toISOString(),
    status: "running",
    result: null,
  };
  const folder = createRunFolder(out);
  try {
    if (recipe.keep === "best") {
      // The finished run's weights are those of its best epoch.
      const best = readWeights(opened).tensors.map(({ name, data }) => ({ name, shape: [data.length], data }));
      folder.writeBest(best, { ...runIdentity(extended), epoch: String(record.result.bestEpoch ?? found.length) });
    }
    folder.writeMetrics(found);
    folder.writeState(state.tensors, {
      ...runIdentity(extended),
      ...encodePosition(from.position),
      metricsSha256: metricsSha256(found),
    });
    return await trainInto(folder, { recipe, record: extended, lowering, data, from }, options);
  } finally {
    folder.close();
  }
}

/** Trains a run anew that was killed before its first state. `createRunFolder` refuses, should it have one by now. */
async function startOver({ path, record }: Run<RunRecord>, options: ResumeOptions): Promise<TrainedRun> {
  const { recipe, lowering } = await prepareResume({ path, record }, options);
  const { fittedFrom, recipeFile, seed, trainOn, limit, fold, grownFrom } = record;
  const tensorboard = options.tensorboard === true || hasEventFile(path);
  return trainNewRun(
    { recipe, fittedFrom, recipeFile, seed, trainOn, limit, fold, grownFrom, out: path },
    { ...options, lowering: lowering.kind, tensorboard },
  );
}

/** If the GPU fails while it trains and something may take its place, that goes on from the run's last epoch. */
async function orOnFallback(
  path: string,
  options: TrainRunOptions & { readonly model?: Model },
  training: Promise<TrainedRun>,
): Promise<TrainedRun> {
  try {
    return await training;
  } catch (error) {
    const { fallback } = options.runtime;
    if (!(error instanceof GpuError) || !fallback) throw error;
    const { report = toStandardError } = options;
    const runtime = afterFailure(fallback, error);
    report(`going on with the ${runtime.reason}`);
    return await resumeRun(path, { ...options, runtime, lowering: undefined, allowDifferent: true });
  }
}

/** What a run is trained with from here on. @throws UserError when the data is not the run's, or the computation would differ */
async function prepareResume({ path, record }: Run<RunRecord>, options: ResumeOptions) {
  const recipe = await readRecipe(path, record, { task: imageTask(options.data.train), own: options.model });
  requirePretrainedUnchanged(recipe);
  // On another device the run's lowering is missing; where differences are allowed, the device's own takes its place.
  const available = await options.runtime.lowerings();
  const isMissing = available.every(({ kind }) => kind !== record.lowering);
  const usual = isMissing && options.allowDifferent ? undefined : record.lowering;
  const lowering = await chooseLowering(options.runtime, options.lowering ?? usual);
  if (options.functions || record.functions) {
    const sample = { ...trainingData(options.data.train, record), batchSize: recipe.batchSize };
    requireSameFunctions(path, record.functions, functionFingerprints(options.functions ?? {}, sample));
  }
  return { recipe, lowering, differences: checkResumable(path, record, { ...options, lowering }) };
}
